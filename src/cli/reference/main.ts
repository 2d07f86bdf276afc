import { fileURLToPath } from 'node:url';
import { writeAtomically } from '../../result/write.ts';
import { referencePages } from './pages.ts';

/** Writes docs/reference from the code: `npm run reference`. A test checks that the pages are current. */
const folder = new URL('../../../docs/reference/', import.meta.url);
for (const [name, content] of Object.entries(await referencePages())) {
  writeAtomically(fileURLToPath(new URL(name, folder)), content);
}
