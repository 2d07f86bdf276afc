import { Command } from 'commander';
import { buildReceiveResult, receivedResult, type ReceivedMigration } from '../result/receive.ts';
import { formatAddress } from '../runtime/process/address.ts';
import { receive as receiveGuests, type Received } from '../runtime/process/receiver.ts';
import type { ReceivedReport, ReceivedStep } from '../runtime/process/received-guest.ts';
import { SocketError } from '../runtime/process/sockets.ts';
import { InputError } from '../scenario/input-error.ts';
import { admitScenario } from '../scenario/remote.ts';
import { formatSize, parseSize } from '../units/size.ts';
import { checkOutputs } from './check-output.ts';
import { colours } from './colours.ts';
import { EXIT } from './exit.ts';
import { outputFlag, type ResultFlags } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode } from './output.ts';
import { addPeerOptions, addressOf, patienceOf, type PeerFlags, securityOf } from './peer-flags.ts';

interface ReceiveFlags extends PeerFlags, ResultFlags {
  readonly listen: string;
  readonly once?: boolean;
  readonly maxMemory?: string;
  readonly maxVcpus?: string;
  readonly atOnce?: string;
}

const EXIT_CODES = `
Exit codes: 0 every guest that came was proved, 1 one was not, or none came,
  2 bad input, 3 a byte differed, 130 second Ctrl-C`;

export function receiveCommand(): Command {
  const command = new Command('receive')
    .description('take guests that other processes send, run them here')
    .requiredOption('--listen <address>', 'where to listen: HOST:PORT or unix:PATH')
    .option('--once', 'end after one migration')
    .option('--max-memory <size>', 'take guests of so much memory in all (half of what is free)')
    .option('--max-vcpus <number>', 'take guests of so many vCPUs (16)')
    .option('--at-once <number>', 'take so many guests at a time (1)');
  return addPeerOptions(command)
    .option('-o, --output <file>', 'write what came to a file as JSON; - is stdout')
    .option('--json', 'print what came on stdout as JSON, and nothing else')
    .option('-q, --quiet', 'print nothing but errors')
    .addHelpText('after', EXIT_CODES)
    .action(async (flags: ReceiveFlags) => {
      process.exitCode = await receive(flags);
    });
}

async function receive(flags: ReceiveFlags): Promise<number> {
  const migrations: ReceivedMigration[] = [];
  const interrupt = new Interruption(() => false);
  const note = (text: string): void => void (flags.quiet || process.stderr.write(`${text}\n`));
  let turnedAway = 0;
  try {
    const address = addressOf('--listen', flags.listen);
    checkOutputs({ [outputFlag()]: flags.output });
    await receiveGuests({
      address,
      security: securityOf(flags, address),
      limits: limitsOf(flags),
      once: flags.once === true,
      patience: patienceOf(flags),
      admit: admitScenario,
      signal: interrupt.signal,
      onListening: (at) => note(`listening on ${formatAddress(at)}`),
      onTurnedAway: (from, reason) => {
        turnedAway++;
        note(colours.yellow(`${from} was turned away: ${reason}`));
      },
      onStep: (migration, step) => note(stepOf(migration, step)),
      onEnd: (migration, report) => {
        migrations.push(receivedResult(migration, report));
        note(endOf(migration, report));
      },
    });
  } catch (error) {
    if (!(error instanceof InputError || error instanceof SocketError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error instanceof InputError ? EXIT.badInput : EXIT.notCompleted;
  } finally {
    interrupt.forget();
  }
  const result = buildReceiveResult(migrations, turnedAway);
  const isWritten = await deliver({ ...flags, quiet: true }, result, () => '');
  return exitCode(exitCodeOf(migrations), isWritten);
}

/** Returns the limits that the options set. Throws InputError. */
function limitsOf({ maxMemory, maxVcpus, atOnce }: ReceiveFlags) {
  return {
    memoryBytes: maxMemory === undefined ? process.availableMemory() / 2 : sizeOf(maxMemory),
    vcpus: countOf('--max-vcpus', maxVcpus, 16, 256),
    migrations: countOf('--at-once', atOnce, 1, 16),
  };
}

function sizeOf(text: string): number {
  try {
    return parseSize(text);
  } catch {
    const sentence = `expected a size such as 8GiB, got "${text}"`;
    throw new InputError([{ place: '--max-memory', key: '', sentence }]);
  }
}

function countOf(option: string, text: string | undefined, fallback: number, most: number): number {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= most) return number;
  const sentence = `expected a whole number from 1 to ${most}, got "${text}"`;
  throw new InputError([{ place: option, key: '', sentence }]);
}

const STEPS: Readonly<Record<ReceivedStep, string>> = {
  prepare: 'gets its memory',
  wait: 'is expected',
  migrate: 'is coming',
  run: 'runs here',
  verify: 'is being proved',
};

const guestOf = ({ number, from, guest }: Received): string =>
  `migration ${number} (${formatSize(guest.memoryBytes)} from ${from})`;

const stepOf = (migration: Received, step: ReceivedStep): string =>
  `${guestOf(migration)}: the guest ${STEPS[step]}`;

function endOf(migration: Received, { outcome, error, sender }: ReceivedReport): string {
  const proof = { ok: ', every byte is proved', differs: ', A BYTE DIFFERS', none: '' };
  const said = sender ? proof[sender.verify] : '';
  const why = error ?? sender?.sentence;
  const colour =
    outcome === 'completed' && sender?.verify !== 'differs' ? colours.green : colours.red;
  return `${guestOf(migration)}: ${colour(outcome)}${said}${why === undefined ? '' : `: ${why}`}`;
}

/** A byte that differs comes before all else. */
function exitCodeOf(migrations: readonly ReceivedMigration[]): number {
  if (migrations.some(({ verify }) => verify === 'differs')) return EXIT.differs;
  const areAllProved = migrations.every(
    ({ outcome, error }) => outcome === 'completed' && error === undefined,
  );
  return migrations.length > 0 && areAllProved ? EXIT.done : EXIT.notCompleted;
}
