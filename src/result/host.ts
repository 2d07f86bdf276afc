import { cpus, totalmem } from 'node:os';

/** The machine on which a run in real time was measured. */
export interface HostFacts {
  readonly node: string;
  readonly platform: string;
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** Returns the facts of the machine that this program runs on. */
export function hostFacts(): HostFacts {
  const processors = cpus();
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpuModel: processors[0]?.model ?? 'unknown',
    cpus: processors.length,
    memoryBytes: totalmem(),
  };
}
