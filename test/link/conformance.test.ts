import { VirtualClock } from '../../src/clock/virtual.ts';
import { createLine, Line } from '../../src/link/line.ts';
import type { Link } from '../../src/link/link.ts';
import { createNetwork, Network } from '../../src/link/network.ts';
import { ringLink, type RingLinkParts } from '../../src/link/ring-link.ts';
import { closeRing, createRing } from '../../src/link/ring.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { VirtualLink } from '../../src/runtime/virtual/link.ts';
import { linkConformance, type LinkOptions, type LinkWorld } from '../conformance/link.ts';

type Ends = (near: RingLinkParts, far: RingLinkParts) => readonly [Link, Link];

/** A link over rings, each end on a clock of its own; both clocks are moved together. */
function connect(ends: Ends, options: LinkOptions): LinkWorld {
  const forward = createRing(64 * 1024, false);
  const backward = createRing(64 * 1024, false);
  const shared = createLine();
  const line = new Line(shared, [forward, backward]);
  const clocks = [new VirtualClock(), new VirtualClock()] as const;
  const peerDoorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
  const [near, far] = ends(
    {
      ...options,
      peerDoorbell,
      clock: clocks[0],
      outgoing: forward,
      incoming: backward,
      line: { shared, side: 'near' },
    },
    {
      ...options,
      peerDoorbell,
      clock: clocks[1],
      outgoing: backward,
      incoming: forward,
      line: { shared, side: 'far' },
    },
  );
  return {
    near,
    far,
    moveTo: (ns) => clocks.forEach((clock) => clock.moveTo(ns)),
    cut: () => line.cut(),
    restore: () => line.restore(),
    closeFar: () => closeRing(backward),
  };
}

const own: Ends = (near, far) => [ringLink(near), ringLink(far)];

/** Each end alone on a link of a network. */
const overFlows: Ends = (near, far) => {
  const { bytesPerSecond } = near;
  const links = ['forth', 'back'].map((name) => ({ name, bytesPerSecond }));
  const network = new Network(createNetwork(links, 2));
  const [forth, back] = [0, 1].map((link) => network.flow(network.openFlow([link])));
  // A rate that would show at once if it were not the flow's that counts.
  return [
    ringLink({ ...near, bytesPerSecond: 1, flow: forth! }),
    ringLink({ ...far, bytesPerSecond: 1, flow: back! }),
  ];
};

const virtual: Ends = (near, far) => {
  const timed = (parts: RingLinkParts): Link =>
    new VirtualLink({
      inner: ringLink(parts),
      clock: parts.clock as VirtualClock,
      // Ends that take no time themselves: the times of the link are left.
      costs: COST_PROFILES.none,
      pageSize: 4096,
      storedBytes: 4096,
      slots: [256],
      stalledUntilNs: () => 0,
    });
  return [timed(near), timed(far)];
};

linkConformance('a link over rings', (options) => connect(own, options));
linkConformance('a link over rings and a shared network', (options) => connect(overFlows, options));
linkConformance('a virtual link', (options) => connect(virtual, options));
