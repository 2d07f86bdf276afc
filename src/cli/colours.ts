import pc from 'picocolors';

/**
 * Colours for a terminal. picocolors turns them off for --no-color and NO_COLOR. They are off in a pipe
 * too, even on CI machines, where picocolors alone would leave them on.
 */
export const colours = pc.createColors(
  pc.isColorSupported && (process.stdout.isTTY || 'FORCE_COLOR' in process.env),
);
