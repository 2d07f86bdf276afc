import { cliPage } from './cli-page.ts';
import { resultPage } from './result-page.ts';
import { scenarioPage } from './scenario-page.ts';

/** Returns the pages of docs/reference by the names of their files. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    'scenario.md': scenarioPage(),
    'result.md': resultPage(),
    'cli.md': await cliPage(),
  };
}
