import { z } from 'zod';
import { scenarioSchema } from './schema.ts';

/** Returns the JSON schema (draft 7) of scenarios as they are written, for editors. */
export function scenarioJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(scenarioSchema, { io: 'input', target: 'draft-7' }),
    title: 'Pageferry scenario',
  };
}
