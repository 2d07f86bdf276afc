/** Where a receiver listens. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** A text names no address. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

const UNIX = 'unix:';
/** The longest path of a Unix socket on Linux (unix(7): sun_path has 108 bytes with a zero at its end). */
const LONGEST_PATH = 107;

/** Reads `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`. Throws AddressError. */
export function parseAddress(text: string): Address {
  if (text.startsWith(UNIX)) return unixAddress(text.slice(UNIX.length));
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new AddressError(
      `expected HOST:PORT such as 127.0.0.1:7777, [::1]:7777, or unix:PATH, got "${text}"`,
    );
  }
  return { kind: 'tcp', host: (match[1] ?? match[2])!, port };
}

function unixAddress(path: string): Address {
  const bytes = Buffer.byteLength(path);
  if (bytes > 0 && bytes <= LONGEST_PATH) return { kind: 'unix', path };
  throw new AddressError(
    bytes === 0
      ? 'unix: needs a path, such as unix:/tmp/pageferry.sock'
      : `the path of a Unix socket has at most ${LONGEST_PATH} bytes, this one has ${bytes}`,
  );
}

/** Returns an address as text, as `parseAddress` reads it. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `${UNIX}${address.path}`;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether nobody but this machine can reach an address; a name other than localhost might be anybody's. */
export function isLocal(address: Address): boolean {
  if (address.kind === 'unix') return true;
  const { host } = address;
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
