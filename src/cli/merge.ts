import { Command } from 'commander';
import { mergeStores } from '../lab/sweep/merge.ts';
import { Store, StoreError } from '../lab/sweep/store.ts';
import { writeTable } from '../lab/sweep/table.ts';
import { InputError } from '../scenario/input-error.ts';
import { makeFolder } from './check-output.ts';
import { WriteError } from '../result/write.ts';
import { EXIT } from './exit.ts';
import { print } from './stdout.ts';

export function mergeCommand(): Command {
  return new Command('merge')
    .description('put the stores of the shards of a sweep together')
    .argument('<into>', 'the folder of the whole store, which is made if it is not there')
    .argument('<dirs...>', 'the stores whose runs it is to have')
    .action(async (into: string, folders: string[]) => {
      process.exitCode = await merge(into, folders);
    });
}

async function merge(into: string, folders: readonly string[]): Promise<number> {
  let store: Store | undefined;
  try {
    const shards = folders.map((folder) => Store.openToRead(folder));
    makeFolder(into, 'merge');
    store = Store.openToWrite(into);
    const copied = mergeStores(store, shards);
    await writeTable(into, store.records);
    await print(`${into}: ${store.records.length} runs (${copied} copied now)\n`);
    return EXIT.done;
  } catch (error) {
    const isWrong = error instanceof StoreError || error instanceof InputError;
    if (!isWrong && !(error instanceof WriteError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return isWrong ? EXIT.badInput : EXIT.notCompleted;
  } finally {
    store?.close();
  }
}
