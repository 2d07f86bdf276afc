import type { RunConfig } from '../config.ts';
import type { Director, GuestSpec, World, WorldMigration, WorldSpec } from './world.ts';

const SOURCE = 'source';
const DESTINATION = 'destination';

/** The world of a run: two hosts that have CPUs for everybody, and the link that the guest's configuration names. */
export const WORLD_OF_ONE: WorldSpec = { hosts: [{ name: SOURCE }, { name: DESTINATION }] };

/** The guest of a run and its one migration, which begins as soon as the guest has lived for its `startAfter`. */
export class OneMigration {
  readonly guest: GuestSpec;
  /** It is undefined until the migration has begun. */
  migration: WorldMigration | undefined;
  readonly #onEnd: () => void;

  /** `onEnd` is called when the migration has ended. */
  constructor(config: RunConfig, onEnd: () => void = () => undefined) {
    this.guest = { name: 'guest', host: SOURCE, config };
    this.#onEnd = onEnd;
  }

  /** Returns the director that starts the migration in a world, whose part is over when the migration is. */
  directorOf(world: World): Director {
    let isOver = false;
    return {
      begin: () => void (this.migration = world.migrate(this.guest.name, DESTINATION)),
      onMigrationEnd: () => {
        isOver = true;
        this.#onEnd();
      },
      watch: () => undefined,
      get isOver() {
        return isOver;
      },
    };
  }
}
