import type { RunConfig } from '../config.ts';
import type { Director, GuestSpec, RunPhase, World, WorldMigration, WorldSpec } from './world.ts';

const SOURCE = 'source';
const DESTINATION = 'destination';

/** The world of a run: two hosts that have CPUs for everybody, and the link that the guest's configuration names. */
export const WORLD_OF_ONE: WorldSpec = { hosts: [{ name: SOURCE }, { name: DESTINATION }] };

/** Who is told of a run's migration. */
export interface MigrationWatchers {
  /** Called just before it begins. */
  readonly onBegin?: () => void;
  /** Called when it has ended. */
  readonly onEnd?: () => void;
}

/** The guest of a run and its one migration, which begins as soon as the guest has lived for its `startAfter`. */
export class OneMigration {
  readonly guest: GuestSpec;
  /** It is undefined until the migration has begun. */
  migration: WorldMigration | undefined;
  readonly #watchers: MigrationWatchers;

  constructor(config: RunConfig, watchers: MigrationWatchers = {}) {
    this.guest = { name: 'guest', host: SOURCE, config };
    this.#watchers = watchers;
  }

  /** What the guest is at, once it runs and until its proof. */
  get phase(): RunPhase {
    if (!this.migration) return 'before';
    return this.migration.endNs === undefined ? 'migrate' : 'after';
  }

  /** Returns the director that starts the migration in a world, whose part is over when the migration is. */
  directorOf(world: World): Director {
    let isOver = false;
    return {
      begin: () => {
        this.#watchers.onBegin?.();
        this.migration = world.migrate(this.guest.name, DESTINATION);
      },
      onMigrationEnd: () => {
        isOver = true;
        this.#watchers.onEnd?.();
      },
      watch: () => undefined,
      get isOver() {
        return isOver;
      },
    };
  }
}
