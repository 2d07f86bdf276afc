import { resolve as resolvePath } from 'node:path';
import { checkMade, TraceError, type TraceFacts, type TraceFile } from '../guest/trace.ts';
import { gfnLine } from '../migration/page-orders/line.ts';
import type { MigrationSpec } from '../migration/spec/migration-spec.ts';
import { OwnKindError } from '../migration/spec/own-kinds.ts';
import { made, ownKinds } from '../runtime/common/own-kinds.ts';
import type { OwnKind } from '../units/keys.ts';
import type { Path } from './document.ts';
import { ResolveError } from './resolve-error.ts';

const located = (kind: OwnKind, folder: string): OwnKind => ({
  ...kind,
  module: resolvePath(folder, kind.module),
});

/** What `act` returns; that a kind can't be had is a problem of its key. */
function blaming<Value>(path: Path, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof OwnKindError)) throw error;
    throw new ResolveError({ path: [...path, error.at], sentence: error.message });
  }
}

/**
 * A migration whose own kinds have been tried: their modules are there, and their factories make what
 * they should. Throws ResolveError for one that does not; `folder` is what modules are relative to.
 */
export function withOwnKinds(
  spec: MigrationSpec,
  guest: { readonly pages: number; readonly pageSize: number },
  linkBytesPerSecond: number,
  folder: string,
): MigrationSpec {
  const { policy, pageOrder, maxBytesPerSecond } = spec;
  const { pages, pageSize } = guest;
  let resolved = spec;
  if (typeof policy !== 'string') {
    const kind = located(policy, folder);
    resolved = { ...resolved, policy: kind };
    const limits = {
      downtimeLimitMs: spec.downtimeLimitNs / 1e6,
      timeoutMs: spec.timeoutNs / 1e6,
      maxBytesPerSecond,
    };
    const facts = { pages, pageSize, linkBytesPerSecond, ...limits };
    blaming(['migration', 'policy'], () => ownKinds.policyOf(kind, facts));
  }
  if (typeof pageOrder !== 'string') {
    const kind = located(pageOrder, folder);
    resolved = { ...resolved, pageOrder: kind };
    const facts = { pages, pageSize, line: () => gfnLine(pages) };
    blaming(['migration', 'pageOrder'], () => ownKinds.pageOrderOf(kind, facts));
  }
  return resolved;
}

/** The trace that a module of the user's makes; `path` is where the scenario names it. */
export function madeTrace(
  kind: OwnKind,
  facts: TraceFacts,
  folder: string,
  path: Path,
): { readonly dirty: TraceFile; readonly touched?: TraceFile } {
  const own = located(kind, folder);
  const value = blaming(path, () => made(own, facts, 'trace'));
  try {
    return checkMade(value, facts.pageSize);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    const sentence = `${own.export} of ${own.module} makes no trace: ${error.message}`;
    throw new ResolveError({ path: [...path, 'export'], sentence });
  }
}
