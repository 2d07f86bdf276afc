import { dirtyLogConformance } from '../conformance/dirty-log.ts';

dirtyLogConformance('bitmap', true);
dirtyLogConformance('atomic', true);
dirtyLogConformance('none', false);
