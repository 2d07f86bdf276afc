/** What the codes of the operating system mean, for those that users are likely to meet. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'it would be larger than files may be',
  EROFS: 'the file system is read-only',
  EACCES: 'access is denied',
  EPERM: 'access is denied',
  EISDIR: 'a folder has that name',
  ENOTEMPTY: 'a folder has that name',
  EEXIST: 'something else has that name',
  ENOENT: 'its folder is not there',
  ENOTDIR: 'its folder is no folder',
  ELOOP: 'its symbolic links lead round in a circle',
  ENAMETOOLONG: 'the name is too long',
  EPIPE: 'nobody reads it any more',
};

/** Returns why writing failed, with the code of the operating system; the message of the error where it has no code. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  const { code } = error;
  if (code === undefined) return error.message;
  const known = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  return known === undefined ? `the system says ${code}` : `${known} (${code})`;
}
