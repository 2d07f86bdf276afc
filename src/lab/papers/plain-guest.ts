import { loadScenarioText, type LoadedScenario } from '../../scenario/load.ts';

/**
 * Returns the scenario of a guest without zero pages and with one workload. Its backing is `versions`:
 * a write count stands for the bytes of a page.
 */
export function plainGuest(
  memoryBytes: number,
  workload: object,
  parts: { readonly link: object; readonly migration: object; readonly costs?: object },
): LoadedScenario {
  const scenario = {
    runtime: 'virtual',
    guest: {
      memory: memoryBytes,
      vcpus: 1,
      backing: 'versions',
      contents: [{ kind: 'random' }],
      workloads: [workload],
    },
    ...parts,
    link: { integrity: 'header', ...parts.link },
    migration: { encodings: [], ...parts.migration },
    verify: 'off',
  };
  return loadScenarioText('an experiment', JSON.stringify(scenario));
}
