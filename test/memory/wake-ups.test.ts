import { describe, expect, it } from 'vitest';
import { explore } from '../support/interleave/explore.ts';
import type { Edit } from '../support/interleave/program.ts';
import { type Asked, openWakeProgram, wakeWorld } from '../support/worlds/wake-world.ts';

describe('an engine that asks vCPUs, every interleaving of them', () => {
  it.each<Asked>(['pause', 'resume', 'epoch', 'release', 'stun', 'room'])(
    'loses no wake-up on either side: %s',
    async (asked) => {
      const opened = await openWakeProgram();
      const { violation, states, schedules } = explore(() => wakeWorld(opened, asked));
      console.log(`${asked}: ${states} states, ${schedules} schedules`);
      expect(violation).toBeUndefined();
      expect(states).toBeGreaterThan(100);
    },
  );
});

const ENGINE = 'memory/handshake/engine.ts';
const WRITER = 'memory/handshake/writer.ts';
const STEPS = 'memory/handshake/steps.ts';
const RINGS = 'memory/dirty-logs/rings.ts';
const DRIVER = 'runtime/threads/driver.ts';

describe('a planted bug is found', () => {
  it.each<[string, Asked, RegExp, Edit[]]>([
    [
      'the doorbell looks for a sleeper before it rings',
      'pause',
      /engine sleeps for ever/,
      [
        {
          file: 'memory/doorbell.ts',
          from: `    Atomics.add(this.#words, this.#at, 1);
    if (Atomics.load(this.#words, this.#at + 1) !== 0) Atomics`,
          to: `    const sleeps = Atomics.load(this.#words, this.#at + 1) !== 0;
    Atomics.add(this.#words, this.#at, 1);
    if (sleeps) Atomics`,
        },
      ],
    ],
    [
      'the sleeper says that it sleeps after it has fallen asleep',
      'pause',
      /engine sleeps for ever/,
      [
        {
          file: 'memory/doorbell.ts',
          from: '    Atomics.store(this.#words, this.#at + 1, 1);\n',
          to: '',
        },
      ],
    ],
    [
      'the driver takes the sequence after the look',
      'pause',
      /engine sleeps for ever/,
      [
        { file: DRIVER, from: '    const sequence = doorbell.sequence();\n', to: '' },
        { file: DRIVER, from: 'doorbell.wait(sequence,', to: 'doorbell.wait(doorbell.sequence(),' },
      ],
    ],
    [
      'resume lifts the pause before it counts',
      'account',
      /before it has accounted for the pause/,
      [
        {
          file: ENGINE,
          from: `    Atomics.add(this.#words, RUN, 1);
    engineSteps.storePause(this.#words, 0);`,
          to: `    engineSteps.storePause(this.#words, 0);
    Atomics.add(this.#words, RUN, 1);`,
        },
      ],
    ],
    [
      'resume wakes before it lifts the pause',
      'resume',
      /engine sleeps for ever/,
      [
        {
          file: ENGINE,
          from: 'engineSteps.storePause(this.#words, 0);\n    this.#wakeAll();',
          to: 'this.#wakeAll();\n    engineSteps.storePause(this.#words, 0);',
        },
      ],
    ],
    [
      'a vCPU counts its wake-ups after it has looked for work',
      'stun',
      /sleeps for ever/,
      [
        {
          file: WRITER,
          from: 'waitOn(wakeOf(this.local.writer), this.#wakes, timeoutMs)',
          to: 'waitOn(wakeOf(this.local.writer), Atomics.load(this.#words, wakeOf(this.local.writer)), timeoutMs)',
        },
      ],
    ],
    [
      'the same when it is to give pages back',
      'release',
      /sleeps for ever/,
      [
        {
          file: WRITER,
          from: 'waitOn(wakeOf(this.local.writer), this.#wakes, timeoutMs)',
          to: 'waitOn(wakeOf(this.local.writer), Atomics.load(this.#words, wakeOf(this.local.writer)), timeoutMs)',
        },
      ],
    ],
    [
      'a vCPU that parks does not tell of the pause',
      'pause',
      /engine sleeps for ever/,
      [
        {
          file: STEPS,
          from: 'if (Atomics.load(words, PAUSE) !== 0) local.hasNews = true;',
          to: '',
        },
      ],
    ],
    [
      'a vCPU that parks does not look for the epoch once more',
      'epoch',
      /engine sleeps for ever/,
      [
        {
          file: STEPS,
          from: 'if (Atomics.load(words, EPOCH) !== local.epoch) local.hasNews = true;',
          to: '',
        },
      ],
    ],
    [
      'a vCPU acknowledges without ringing',
      'epoch',
      /engine sleeps for ever/,
      [
        {
          file: STEPS,
          from: 'local.epoch);\n      local.hasNews = true;',
          to: 'local.epoch);',
        },
      ],
    ],
    [
      'the engine is stopped without waking its vCPUs',
      'epoch',
      /vCPU 0 sleeps for ever/,
      [
        {
          file: ENGINE,
          from: 'Atomics.notify(this.#words, wantedOf(writer));\n    }\n    this.#wakeAll();',
          to: 'Atomics.notify(this.#words, wantedOf(writer));\n    }',
        },
      ],
    ],
    [
      'a vCPU waits for room without telling the engine',
      'room',
      /sleeps for ever/,
      [
        {
          file: 'guest/vcpu.ts',
          from: "announceStall()) return 'made';\n    handshake.ringDoorbell();",
          to: "announceStall()) return 'made';",
        },
      ],
    ],
    [
      'the engine empties only rings that are full by more than half',
      'room',
      /sleeps for ever/,
      [{ file: RINGS, from: ' * 2 > this.#size || this.isWaiting()', to: ' * 2 > 2 * this.#size' }],
    ],
    [
      'the engine makes room and wakes nobody',
      'room',
      /sleeps for ever/,
      [
        {
          file: RINGS,
          from: 'return Atomics.exchange(this.#words, WAITING, 0) === 1;',
          to: 'return false;',
        },
      ],
    ],
  ])('%s', async (name, asked, message, edits) => {
    const opened = await openWakeProgram(edits);
    const { violation, states } = explore(() => wakeWorld(opened, asked));
    console.log(`${name}: ${states} states: ${violation?.message}`);
    expect(violation?.message).toMatch(message);
  });
});
