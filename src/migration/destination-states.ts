import { FRAME, STATE_FRAMES } from '../wire/frame.ts';

/** The state of the destination; docs/wire.md has the table of the frames it takes in each. */
export type DestinationState =
  'expectHello' | 'receiving' | 'expectState' | 'expectRun' | 'runningPartly' | 'expectResume';

/** The frames that it takes in each state. */
export const EXPECTED: Readonly<Record<DestinationState, readonly number[]>> = {
  expectHello: [FRAME.hello, FRAME.cancel],
  receiving: [
    FRAME.pages,
    FRAME.part,
    FRAME.reference,
    FRAME.device,
    ...STATE_FRAMES,
    FRAME.discard,
    FRAME.flush,
    FRAME.switchover,
    FRAME.cancel,
  ],
  expectState: [FRAME.device, FRAME.state, FRAME.cancel],
  expectRun: [FRAME.run, FRAME.cancel],
  runningPartly: [FRAME.pages, FRAME.part, FRAME.reference, FRAME.end],
  expectResume: [FRAME.resume],
};
