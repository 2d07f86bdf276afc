const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Escapes a text for XML 1.0, which has no way at all to write control characters other than tabs and line ends. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign]!)
    .replaceAll(/\p{Cc}|[\uFFFE\uFFFF]|\p{Cs}/gu, (sign) =>
      sign === '\n' || sign === '\t' ? sign : '\uFFFD',
    );
}
