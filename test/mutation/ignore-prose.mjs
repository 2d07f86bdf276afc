import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/** The keys of src/units/keys.ts whose values are sentences for people who read a schema. */
const PROSE = new Set(['about', 'source']);

/** Leaves out mutants of texts that describe a key. No behaviour depends on them. */
export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'prose', {
    shouldIgnore: ({ node }) =>
      node.type === 'ObjectProperty' && PROSE.has(node.key.name)
        ? 'It describes a key to its reader.'
        : undefined,
  }),
];
