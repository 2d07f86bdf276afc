import { akoushBounds } from './akoush-bounds.ts';
import { clarkDowntime } from './clark-downtime.ts';
import { clarkSpecweb } from './clark-specweb.ts';
import { clarkWebserver } from './clark-webserver.ts';
import { clarkWws } from './clark-wws.ts';
import { esxActiveMemory } from './esx-active-memory.ts';
import { esxBalloon } from './esx-balloon.ts';
import { esxIdleTax } from './esx-idle-tax.ts';
import { esxReallocation } from './esx-reallocation.ts';
import { esxSharingBestCase } from './esx-sharing-best-case.ts';
import { esxSharingProduction } from './esx-sharing-production.ts';
import { gangMigration } from './gang-migration.ts';
import { geometricModel } from './geometric-model.ts';
import { hinesDsbInterval } from './hines-dsb-interval.ts';
import { hinesPrepaging } from './hines-prepaging.ts';
import { remusBandwidth } from './remus-bandwidth.ts';
import { remusCheckpointTime } from './remus-checkpoint-time.ts';
import { remusDelay } from './remus-delay.ts';
import { remusKernelBuild } from './remus-kernel-build.ts';
import { remusPostmark } from './remus-postmark.ts';
import { remusSpecweb } from './remus-specweb.ts';
import { sandpiperApache } from './sandpiper-apache.ts';
import { sandpiperDatacentre } from './sandpiper-datacentre.ts';
import { sandpiperMemory } from './sandpiper-memory.ts';
import { sandpiperMigration } from './sandpiper-migration.ts';
import { sandpiperMixed } from './sandpiper-mixed.ts';
import { sandpiperPlacementTime } from './sandpiper-placement-time.ts';
import { sandpiperStability } from './sandpiper-stability.ts';
import type { Figures } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

/** The functions of experiments that a scenario and a table can't describe, by name. */
export const FUNCTIONS: ReadonlyMap<string, (onRun: OnRun, given: Given) => Promise<Figures>> =
  new Map<string, (onRun: OnRun, given: Given) => Promise<Figures>>([
    ['akoush-bounds', akoushBounds],
    ['clark-downtime', clarkDowntime],
    ['clark-specweb', clarkSpecweb],
    ['clark-webserver', clarkWebserver],
    ['clark-wws', clarkWws],
    ['esx-active-memory', esxActiveMemory],
    ['esx-balloon', esxBalloon],
    ['esx-idle-tax', esxIdleTax],
    ['esx-reallocation', esxReallocation],
    ['esx-sharing-best-case', esxSharingBestCase],
    ['esx-sharing-production', esxSharingProduction],
    ['gang-migration', gangMigration],
    ['geometric-model', geometricModel],
    ['hines-dsb-interval', hinesDsbInterval],
    ['hines-prepaging', hinesPrepaging],
    ['remus-bandwidth', remusBandwidth],
    ['remus-checkpoint-time', remusCheckpointTime],
    ['remus-delay', remusDelay],
    ['remus-kernel-build', remusKernelBuild],
    ['remus-postmark', remusPostmark],
    ['remus-specweb', remusSpecweb],
    ['sandpiper-apache', sandpiperApache],
    ['sandpiper-datacentre', sandpiperDatacentre],
    ['sandpiper-memory', sandpiperMemory],
    ['sandpiper-migration', sandpiperMigration],
    ['sandpiper-mixed', sandpiperMixed],
    ['sandpiper-placement-time', sandpiperPlacementTime],
    ['sandpiper-stability', sandpiperStability],
  ]);
