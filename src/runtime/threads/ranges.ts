/** Splits pages [0, pages) into at most `parts` ranges of nearly equal size. */
export function ranges(pages: number, parts: number): { firstGfn: number; pages: number }[] {
  const size = Math.max(1, Math.ceil(pages / parts));
  const list = [];
  for (let firstGfn = 0; firstGfn < pages; firstGfn += size) {
    list.push({ firstGfn, pages: Math.min(size, pages - firstGfn) });
  }
  return list;
}
