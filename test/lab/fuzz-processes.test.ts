import { describe, expect, it } from 'vitest';
import { drawProcesses, type Victim } from '../../src/lab/fuzz/processes/draw.ts';
import { judge } from '../../src/lab/fuzz/processes/judge.ts';
import type { ReceivedEnd, SentEnd } from '../../src/lab/fuzz/processes/protocol.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';
import { unsendable } from '../../src/scenario/remote.ts';

const sent = (end: Partial<SentEnd>): SentEnd => ({
  kind: 'sent',
  id: '1',
  runsHere: false,
  ...end,
});
const received = (end: Partial<ReceivedEnd>): ReceivedEnd => ({
  kind: 'received',
  id: '1',
  outcome: 'completed',
  ran: true,
  ...end,
});
const killed = (...victims: Victim[]): ReadonlySet<Victim> => new Set(victims);

describe('the judge of migrations between processes', () => {
  const completed = sent({ outcome: 'completed', ok: true });
  const stayed = sent({ outcome: 'failed', ok: true, runsHere: true, error: 'lost' });
  const lost = sent({ outcome: 'failed', guestLost: true });
  const gone = received({ ran: false, outcome: 'failed', error: 'lost' });

  it.each([
    ['completed', { sent: completed, received: received({}), killed: killed() }],
    ['completed', { sent: completed, killed: killed('receiver') }],
    ['failed, and goes on at the source', { sent: stayed, received: gone, killed: killed() }],
    ['lost, and runs there', { sent: lost, received: received({}), killed: killed() }],
    ['lost', { sent: lost, killed: killed('receiver') }],
    ['gone with the sender', { received: gone, killed: killed('sender') }],
    ['runs on without its sender', { received: received({}), killed: killed('sender') }],
  ])('takes %s for a good end', (outcome, ends) => {
    expect(judge(ends)).toEqual({ outcome, wrongs: [] });
  });

  it.each([
    ['the guest runs on both sides', { sent: stayed, received: received({}), killed: killed() }],
    [
      'completed, but the guest runs nowhere',
      { sent: completed, received: gone, killed: killed() },
    ],
    [
      'completed without a proof',
      { sent: { ...completed, ok: undefined }, received: received({}), killed: killed() },
    ],
    [
      'the proof fails: {}',
      { sent: { ...completed, ok: false, proof: '{}' }, received: received({}), killed: killed() },
    ],
    [
      'failed, but the guest runs nowhere: lost',
      { sent: { ...stayed, runsHere: false }, received: gone, killed: killed() },
    ],
    [
      'declared lost, but the guest runs at the source',
      { sent: { ...lost, runsHere: true }, killed: killed('receiver') },
    ],
    ['the sender has said nothing', { received: gone, killed: killed() }],
    [
      'the receiver is silent about a loss',
      { received: received({ outcome: 'failed' }), killed: killed('sender') },
    ],
    [
      'the sender fails: TypeError: x',
      { sent: sent({ refused: 'TypeError: x' }), killed: killed() },
    ],
  ])('notices: %s', (wrong, ends) => {
    expect(judge(ends as Parameters<typeof judge>[0]).wrongs).toContain(wrong);
  });
});

describe('a drawn migration between processes', () => {
  it('can be sent, and is a function of its seed', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const drawn = drawProcesses(seed);
      expect(drawProcesses(seed)).toEqual(drawn);
      const { scenario } = loadScenarioText('drawn', drawn.text);
      expect(unsendable(scenario, 'drawn')).toEqual([]);
    }
  });
});
