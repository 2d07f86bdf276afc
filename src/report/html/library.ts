import { reportOf } from './of-result.ts';
import { reportHtml } from './page.ts';

/**
 * Returns the HTML file of a result, as `pageferry report` makes it: the answer, charts and tables, with nothing from the
 * network. Throws NoReportError when the result is of no kind that has a report.
 */
export const report = (result: object): string => reportHtml(reportOf(result));
