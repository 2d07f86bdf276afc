import { Store } from './store.ts';

/** Copies the runs of stores, such as those of the shards of a sweep, that another store does not have. Returns how many. */
export function mergeStores(into: Store, from: readonly Store[]): number {
  let copied = 0;
  for (const store of from) {
    for (const record of store.records) {
      if (into.has(record.id)) continue;
      into.add(record, store.result(record.id));
      copied++;
    }
  }
  return copied;
}
