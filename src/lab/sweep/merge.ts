import { Store } from './store.ts';

/**
 * Copies the runs of stores, such as those of the shards of a sweep, that another store does not have, or has as
 * failed. Returns how many.
 */
export function mergeStores(into: Store, from: readonly Store[]): number {
  let copied = 0;
  for (const store of from) {
    for (const record of store.records) {
      const before = into.record(record.id);
      if (
        before &&
        (before.result['outcome'] !== 'failed' || record.result['outcome'] === 'failed')
      ) {
        continue;
      }
      into.add(record, store.result(record.id));
      copied++;
    }
  }
  return copied;
}
