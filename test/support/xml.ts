import { Resvg } from '@resvg/resvg-js';

/** An element of a document, with the text that stands directly in it. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
};

function unescape(text: string): string {
  return text.replaceAll(/&[^;]*;?/g, (entity) => {
    const sign = ENTITIES[entity];
    if (sign === undefined) throw new Error(`${entity} is no entity of XML`);
    return sign;
  });
}

/** Throws unless a text is well-formed XML. The parser of SVG decides, which keeps to the letter of the standard. */
export function checkWellFormed(xml: string): void {
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  void new Resvg(`<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1">${body}</svg>`);
}

/** Parses a document of elements, attributes and texts. Throws an Error for anything else, such as comments. */
export function parseXml(xml: string): XmlElement {
  checkWellFormed(xml);
  interface Open extends XmlElement {
    readonly children: XmlElement[];
    text: string;
  }
  const root: Open = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const body = xml.replace(/^<\?xml [^>]*\?>\n/, '');
  const token = /<\/([\w-]+)>|<([\w-]+)((?: [\w-]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  while (token.lastIndex < body.length) {
    const at = token.lastIndex;
    const found = token.exec(body);
    if (!found)
      throw new Error(`what is at ${at} is neither a tag nor a text: ${body.slice(at, at + 40)}`);
    const [, end, begin, attributes, isEmpty, text] = found;
    const top = open.at(-1)!;
    if (text !== undefined) top.text += unescape(text);
    else if (end !== undefined) open.pop();
    else {
      const pairs = Array.from(attributes!.matchAll(/ ([\w-]+)="([^"]*)"/g), ([, name, value]) => [
        name!,
        unescape(value!),
      ]);
      const element: Open = {
        name: begin!,
        attributes: Object.fromEntries(pairs) as Record<string, string>,
        children: [],
        text: '',
      };
      top.children.push(element);
      if (isEmpty === '') open.push(element);
    }
  }
  return root.children[0]!;
}
