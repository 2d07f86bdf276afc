/** Writes numbers, texts and elements of SVG. */

/** Rounds a pixel, so that drawings are small. */
export const px = (value: number): string => String(Math.round(value * 10) / 10);

/** Escapes a text for HTML and SVG, between tags and in attributes that stand in quotes. */
export function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Returns an element; attributes that are undefined are left out, numbers are rounded pixels. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [` ${key}="${typeof value === 'number' ? px(value) : escapeText(value)}"`],
  );
  return content === ''
    ? `<${name}${written.join('')}/>`
    : `<${name}${written.join('')}>${content}</${name}>`;
}

export function textAt(x: number, y: number, text: string, attributes: Attributes): string {
  return element('text', { x, y, ...attributes }, escapeText(text));
}

/** The mean width of a character in pixels at 12 px; a drawing has no font to measure with. */
export const CHARACTER_PX = 6.9;

/** Shortens a text so that it fits a width in pixels. */
export function fit(text: string, width: number): string {
  const most = Math.max(1, Math.floor(width / CHARACTER_PX));
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}
