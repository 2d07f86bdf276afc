import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { Command } from 'commander';
import { buildResult } from '../result/build.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import type { RunReport } from '../runtime/report.ts';
import { type Address, formatAddress } from '../runtime/process/address.ts';
import { Connection, ConnectionEnded } from '../runtime/process/connection.ts';
import { RefusedError } from '../runtime/process/handshake.ts';
import { ProtocolError } from '../runtime/process/messages.ts';
import type { Security } from '../runtime/process/security.ts';
import { sendGuest, type Sending } from '../runtime/process/sender.ts';
import { dial, SocketError } from '../runtime/process/sockets.ts';
import { CrewError } from '../runtime/threads/crew.ts';
import { InputError } from '../scenario/input-error.ts';
import { type LoadedScenario, loadScenario, presets } from '../scenario/load.ts';
import { offerOf, unsendable } from '../scenario/remote.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag, presetsHelp, SCENARIO_ARGUMENT, type ResultFlags } from './flags.ts';
import { deliver, exitCode } from './output.ts';
import { addPeerOptions, addressOf, patienceOf, type PeerFlags, securityOf } from './peer-flags.ts';
import { exitCodeOf, playReal } from './run.ts';
import { summary } from './summary.ts';

interface SendFlags extends PeerFlags, ResultFlags {
  readonly to: string;
  readonly set?: readonly string[];
}

const EXIT_CODES =
  '0 completed, 1 not completed, 2 bad input, 3 a byte differed, 130 second Ctrl-C';

export function sendCommand(): Command {
  const command = new Command('send')
    .description('move a guest to another process, which runs receive, and prove its every byte')
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .requiredOption('--to <address>', 'where the receiver listens: HOST:PORT or unix:PATH')
    .option('--set <key=value>', 'override a key, such as link.bandwidth=10Gbit/s', collect);
  return addPeerOptions(command)
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', () => presetsHelp(presets(), EXIT_CODES))
    .action(async (scenario: string, flags: SendFlags) => {
      process.exitCode = await send(scenario, flags);
    });
}

async function send(name: string, flags: SendFlags): Promise<number> {
  try {
    const address = addressOf('--to', flags.to);
    const patience = patienceOf(flags);
    const loaded = loadScenario(name, [
      ...(flags.set ?? []),
      { flag: 'send', key: 'runtime', value: 'threads' },
    ]);
    const problems = unsendable(loaded.scenario, name);
    if (problems.length > 0) throw new InputError(problems);
    checkOutputs({ [outputFlag()]: flags.output }, loaded.files);
    const security = securityOf(flags, address);
    const report = await playReal(loaded.config, flags.quiet !== true, async (options) => {
      const socket = await dial(address, security, patience.handshakeMs);
      const connection = new Connection(socket, 'receiver');
      const redial = (timeoutMs: number): Promise<Socket> => dial(address, security, timeoutMs);
      const sending = { ...sendingOf(loaded, connection, address, security), redial };
      return sendGuest(sending, { ...options, patience });
    });
    if (!report) {
      process.stderr.write('interrupted before the migration began: there is no result\n');
      return EXIT.notCompleted;
    }
    return await show(loaded, report, flags);
  } catch (error) {
    if (error instanceof InputError) return complain(error.message, EXIT.badInput);
    if (error instanceof ContentsError) {
      return complain(`${name} guest.contents: ${error.message}`, EXIT.badInput);
    }
    const sentence = sentenceOf(error, flags.to, flags.cert);
    if (sentence === undefined) throw error;
    return complain(sentence, EXIT.notCompleted);
  }
}

function sendingOf(
  { scenario, config }: LoadedScenario,
  connection: Connection,
  address: Address,
  security: Security,
): Sending {
  return {
    config,
    offered: offerOf(scenario),
    id: randomBytes(16).toString('hex'),
    connection,
    facts: {
      to: formatAddress(address),
      transport: address.kind,
      security: security.kind,
    },
  };
}

async function show(
  { scenario }: LoadedScenario,
  report: RunReport,
  flags: SendFlags,
): Promise<number> {
  const result = buildResult(scenario, report);
  const isWritten = await deliver(flags, result, () => summary(result));
  for (const one of result.warnings ?? []) process.stderr.write(`warning: ${one}\n`);
  return exitCode(exitCodeOf(result), isWritten);
}

/** Says why there was no migration; undefined for an error of the program itself. */
function sentenceOf(
  error: unknown,
  to: string,
  certificate: string | undefined,
): string | undefined {
  if (error instanceof SocketError) return error.message;
  if (error instanceof RefusedError) return `${to} refuses the guest: ${error.message}`;
  if (error instanceof ConnectionEnded) {
    // With TLS 1.3 a receiver judges a certificate after the sender has taken the connection for made.
    const hint = certificate ? ': it may not accept the certificate of this side' : '';
    return `${to}: no migration began: ${error.message}${hint}`;
  }
  if (error instanceof ProtocolError) return `${to}: no migration began: ${error.message}`;
  return error instanceof CrewError ? error.message : undefined;
}

function complain(sentence: string, code: number): number {
  process.stderr.write(`${sentence}\n`);
  return code;
}
