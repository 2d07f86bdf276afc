import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { Store, StoreError } from '../lab/sweep/store.ts';
import { figuresOf, type Report } from '../report/html/model.ts';
import { NoReportError, reportOf } from '../report/html/of-result.ts';
import { reportHtml } from '../report/html/page.ts';
import { sweepReport } from '../report/html/sweep/report.ts';
import { InputError, shorten } from '../scenario/input-error.ts';
import { JsonError, parseJson } from '../scenario/json.ts';
import { ReadError, readText, STDIN } from '../scenario/read-text.ts';
import { checkOutputs, makeFolder, STDOUT } from './check-output.ts';
import { EXIT } from './exit.ts';
import { outputFlag } from './flags.ts';
import { exitCode, writeFile } from './output.ts';
import { print } from './stdout.ts';

interface ReportFlags {
  readonly output?: string;
  readonly charts?: string;
  readonly quiet?: boolean;
}

/** Results of large evacuations have some tens of megabytes. */
const MOST_FILE_BYTES = 256 * 1024 * 1024;

export function reportCommand(): Command {
  return new Command('report')
    .description('make one HTML file of a result, with charts, that needs no network')
    .argument('<result>', 'the file of a result, or - for stdin, or the folder of a sweep')
    .option(
      '-o, --output <file>',
      'the HTML file; by default the name of the result with .html; - is stdout',
    )
    .option('--charts <folder>', 'write each chart there too, as NAME.svg and NAME.png')
    .option('-q, --quiet', 'print nothing')
    .action(async (path: string, flags: ReportFlags) => {
      process.exitCode = await report(path, flags);
    });
}

async function report(path: string, flags: ReportFlags): Promise<number> {
  try {
    const output = flags.output ?? defaultName(path);
    checkOutputs({ [outputFlag()]: output }, path === '-' || isFolder(path) ? [] : [path]);
    const made = await madeOf(path);
    if (flags.charts !== undefined) makeFolder(flags.charts, '--charts');
    return await deliver(made, output, flags);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.badInput;
  }
}

async function deliver(made: Report, output: string, flags: ReportFlags): Promise<number> {
  const html = reportHtml(made);
  const isPrinted = output === STDOUT;
  const isWritten = isPrinted ? !(await print(html)) : writeFile(outputFlag(), output, html);
  const charts = flags.charts === undefined ? [] : await writeCharts(made, flags.charts);
  if (flags.quiet !== true && !isPrinted) {
    const more =
      flags.charts === undefined ? '' : `, and ${charts.length} charts to ${flags.charts}`;
    // Where it could not be written, an error has said so.
    await print(`${made.answer}\n${isWritten ? `The report is in ${output}${more}.\n` : ''}`);
  }
  return exitCode(EXIT.done, isWritten && charts.every(Boolean));
}

/** Writes every chart as SVG and PNG; returns for each file whether it was written. The library for PNG loads slowly. */
async function writeCharts(made: Report, folder: string): Promise<boolean[]> {
  const { figureSvg } = await import('../report/html/standalone.ts');
  const { pngOf } = await import('../report/chart.ts');
  return figuresOf(made).map((figure) => {
    const svg = figureSvg(figure);
    const file = (ending: string): string => join(folder, `${figure.id}.${ending}`);
    const isSvg = writeFile('--charts', file('svg'), svg);
    return writeFile('--charts', file('png'), pngOf(svg)) && isSvg;
  });
}

function defaultName(path: string): string {
  if (path === '-') return 'report.html';
  return `${path.replace(/\/+$/, '').replace(/\.(?:json|sweep)$/, '')}.html`;
}

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

async function madeOf(path: string): Promise<Report> {
  const place = path === '-' ? '<stdin>' : shorten(path);
  try {
    return isFolder(path) ? storeReport(path) : reportOf(resultOf(path, place));
  } catch (error) {
    if (error instanceof StoreError) {
      throw new InputError([{ place, key: '', sentence: error.message.replace(`${path} `, '') }]);
    }
    if (!(error instanceof NoReportError)) throw error;
    throw new InputError([{ place, key: '', sentence: error.message }]);
  }
}

/** Reads the store of a sweep. Throws StoreError. */
function storeReport(folder: string): Report {
  const { records } = Store.openToRead(folder);
  if (records.length === 0) throw new StoreError(`${folder} has no runs yet: let the sweep go on`);
  const file = join(folder, 'sweep.yaml');
  const text = existsSync(file) ? readText(file, MOST_FILE_BYTES) : undefined;
  const name = /^name:\s*["']?([\w.-]+)/m.exec(text ?? '')?.[1] ?? basename(folder);
  return sweepReport({ name, records, ...(text === undefined ? {} : { file: text }) });
}

/** Reads the JSON of a result. Throws InputError. */
function resultOf(path: string, place: string): unknown {
  try {
    return parseJson(readText(path === '-' ? STDIN : path, MOST_FILE_BYTES));
  } catch (error) {
    if (error instanceof JsonError) {
      const at = error.place === undefined ? place : `${place}:${error.place}`;
      throw new InputError([{ place: at, key: '', sentence: error.message }]);
    }
    if (!(error instanceof ReadError)) throw error;
    const sentence = error.code === 'ENOENT' ? 'there is no such file' : error.message;
    throw new InputError([{ place, key: '', sentence }]);
  }
}
