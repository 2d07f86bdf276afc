import type { PageMap, PageMapColumn } from '../../result/page-map.ts';

/** Sizes in pixels. */
export const WIDTH = 980;
export const PLOT = { left: 96, right: 84 } as const;
export const PLOT_WIDTH = WIDTH - PLOT.left - PLOT.right;
export const PROFILE = { top: 106, height: 64 } as const;
const ROWS_TOP = PROFILE.top + PROFILE.height + 40;
const PANEL_GAP = 40;
const AXIS = 58;
const LEGEND = 128;
const ROWS_HEIGHT = 250;
const ROW = { least: 2.5, most: 20 } as const;
const LABEL_GAP = 13;
/** Between rows of different kinds. */
const KIND_GAP = 6;

/** A row of a chart: one column of the page map. */
export interface Row {
  readonly column: PageMapColumn;
  readonly y: number;
  readonly height: number;
  /** What stands beside it; absent if there is no room. */
  readonly label?: string;
}

/** Rows one below the other. */
export interface Panel {
  readonly top: number;
  readonly bottom: number;
  readonly rows: readonly Row[];
}

/** Where everything of a page map's chart lies. */
export interface Layout {
  readonly sent: Panel;
  /** What was dirtied and asked for; absent if the migration had neither live rounds nor post-copy. */
  readonly wanted?: Panel;
  readonly axisY: number;
  readonly legendY: number;
  readonly height: number;
}

export function layOut({ columns }: PageMap): Layout {
  const sent = panelOf(columns, ROWS_TOP);
  const others = columns.filter(({ kind }) => kind !== 'stopped');
  const wanted = others.length > 0 ? panelOf(others, sent.bottom + PANEL_GAP) : undefined;
  const axisY = (wanted ?? sent).bottom;
  const legendY = axisY + AXIS;
  return { sent, ...(wanted ? { wanted } : {}), axisY, legendY, height: legendY + LEGEND };
}

function panelOf(columns: readonly PageMapColumn[], top: number): Panel {
  const rowHeight = Math.min(ROW.most, Math.max(ROW.least, ROWS_HEIGHT / columns.length));
  const labels = labelsOf(columns, rowHeight);
  let bottom = top;
  const rows = columns.map((column, index): Row => {
    const label = labels.get(index);
    const isOther = index > 0 && columns[index - 1]!.kind !== column.kind;
    const y = bottom + (isOther ? KIND_GAP : 0);
    // The stop is a single row, which has a label.
    const height = column.kind === 'stopped' ? Math.max(rowHeight, LABEL_GAP) : rowHeight;
    bottom = y + height;
    return { column, y, height, ...(label === undefined ? {} : { label }) };
  });
  return { top, bottom, rows };
}

/** Returns the labels of rows by their index. The first row of each kind has one, and others where there is room. */
function labelsOf(columns: readonly PageMapColumn[], rowHeight: number): Map<number, string> {
  const isFirst = (index: number): boolean => columns[index]!.kind !== columns[index - 1]?.kind;
  const firsts = [...columns.keys()].filter(isFirst);
  const taken = new Set(firsts);
  for (const index of columns.keys()) {
    const hasRoom = [...taken].every((other) => Math.abs(other - index) * rowHeight >= LABEL_GAP);
    if (hasRoom) taken.add(index);
  }
  const { startMs = 0 } = columns.find(({ kind }) => kind === 'postcopy') ?? {};
  return new Map([...taken].map((index) => [index, labelOf(columns[index]!, startMs)]));
}

function labelOf(column: PageMapColumn, postcopyMs: number): string {
  const { kind, firstRound, lastRound, startMs } = column;
  if (kind === 'stopped') return 'stop';
  if (kind === 'live') {
    return firstRound === lastRound ? `round ${firstRound}` : `rounds ${firstRound}–${lastRound}`;
  }
  const afterMs = Math.round(startMs - postcopyMs);
  return afterMs === 0 ? 'post-copy' : `+${afterMs} ms`;
}
