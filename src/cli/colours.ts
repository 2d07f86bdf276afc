import pc from 'picocolors';

/**
 * Colours for a person at a terminal: off with --no-color and NO_COLOR (picocolors sees to that),
 * and off in a pipe, also on CI machines, where picocolors alone would leave them on.
 */
export const colours = pc.createColors(
  pc.isColorSupported && (process.stdout.isTTY || 'FORCE_COLOR' in process.env),
);
