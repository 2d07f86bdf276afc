import {
  dirtyLogConformance,
  manualClearConformance,
  ringConformance,
} from '../conformance/dirty-log.ts';

const EXACT = ['bitmap', 'bytemap', 'atomic', 'ring'] as const;

for (const kind of EXACT) {
  dirtyLogConformance(kind, true);
  dirtyLogConformance(kind, true, true);
  manualClearConformance(kind);
}
dirtyLogConformance('none', false);
ringConformance();
