import { z } from 'zod';
import { describeKeys, type JsonSchema, SCENARIO_DESCRIPTIONS } from './descriptions.ts';
import { scenarioSchema } from './schema.ts';

/** Returns the JSON schema (draft 7) of scenarios as they are written, for editors; every key has a description. */
export function scenarioJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(scenarioSchema, { io: 'input', target: 'draft-7' });
  return {
    ...describeKeys(schema as JsonSchema, SCENARIO_DESCRIPTIONS),
    title: 'Pageferry scenario',
  };
}
