import { checkOwnTrace, TraceError, type TraceFacts, type TraceFile } from '../guest/trace-file.ts';
import { gfnLine } from '../migration/page-orders/line.ts';
import type { MigrationSpec } from '../migration/spec/migration-spec.ts';
import { OwnKindError } from '../migration/spec/own-kinds.ts';
import { made, ownKinds } from '../runtime/common/own-kinds.ts';
import type { OwnKind } from '../units/keys.ts';
import type { Path } from './document.ts';
import { type FolderOf, locateFile } from './files.ts';
import { ResolveError } from './resolve-error.ts';

/** Returns a kind whose module is an absolute path; `path` is the key that names the kind. */
const withAbsolutePath = (kind: OwnKind, folderOf: FolderOf, path: Path): OwnKind => ({
  ...kind,
  module: locateFile(folderOf([...path, 'module']), kind.module),
});

/** Returns what `act` returns; an OwnKindError becomes a ResolveError about the key at `path`. */
function blameKey<Value>(path: Path, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof OwnKindError)) throw error;
    throw new ResolveError({ path: [...path, error.at], sentence: error.message });
  }
}

/**
 * Returns a migration whose user-made policy and page order are found by absolute paths, and tries both: their
 * modules must load, and their factories must make what they should. `folderOf` says what modules are relative to.
 * Throws ResolveError when one can't be used.
 */
export function withOwnKinds(
  spec: MigrationSpec,
  guest: { readonly pages: number; readonly pageSize: number },
  linkBytesPerSecond: number,
  folderOf: FolderOf,
): MigrationSpec {
  const { policy, pageOrder, maxBytesPerSecond } = spec;
  const { pages, pageSize } = guest;
  let resolved = spec;
  if (typeof policy !== 'string') {
    const kind = withAbsolutePath(policy, folderOf, ['migration', 'policy']);
    resolved = { ...resolved, policy: kind };
    const limits = {
      downtimeLimitMs: spec.downtimeLimitNs / 1e6,
      timeoutMs: spec.timeoutNs / 1e6,
      maxBytesPerSecond,
    };
    const facts = { pages, pageSize, linkBytesPerSecond, ...limits };
    blameKey(['migration', 'policy'], () => ownKinds.policyOf(kind, facts));
  }
  if (typeof pageOrder !== 'string') {
    const kind = withAbsolutePath(pageOrder, folderOf, ['migration', 'pageOrder']);
    resolved = { ...resolved, pageOrder: kind };
    const facts = { pages, pageSize, line: () => gfnLine(pages) };
    blameKey(['migration', 'pageOrder'], () => ownKinds.pageOrderOf(kind, facts));
  }
  return resolved;
}

/**
 * Returns the trace that a module of the user's makes; `path` is the key that names the module. Throws ResolveError
 * when the module can't be used or makes no trace.
 */
export function loadOwnTrace(
  kind: OwnKind,
  facts: TraceFacts,
  folderOf: FolderOf,
  path: Path,
): { readonly dirty: TraceFile; readonly touched?: TraceFile } {
  const own = withAbsolutePath(kind, folderOf, path);
  const value = blameKey(path, () => made(own, facts, 'trace'));
  try {
    return checkOwnTrace(value, facts.pageSize);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    const sentence = `${own.export} of ${own.module} makes no trace: ${error.message}`;
    throw new ResolveError({ path: [...path, 'export'], sentence });
  }
}
