import { InputError, shorten } from '../scenario/input-error.ts';
import { writeFile } from './output.ts';

/** Throws InputError when the file of `--chart`, or of another `option`, has a name that doesn't tell its format. */
export function checkChart(path: string | undefined, option = '--chart'): void {
  if (path === undefined || /\.(?:svg|png)$/.test(path)) return;
  const sentence = 'expected a name that ends in .svg or .png';
  throw new InputError([{ place: `${option} ${shorten(path)}`, key: '', sentence }]);
}

/** Writes a chart as its file's name says. Returns whether it was written. The library for PNG loads slowly. */
export async function writeChart(path: string, svg: string, option = '--chart'): Promise<boolean> {
  const content = path.endsWith('.png') ? (await import('../report/chart.ts')).pngOf(svg) : svg;
  return writeFile(option, path, content);
}
