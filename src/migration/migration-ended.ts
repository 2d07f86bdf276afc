/**
 * The error that ends a migration. Before the point of no return the guest goes on at the source; after
 * it, only if the destination says that the guest has not run there.
 */
export class MigrationEnded extends Error {
  override readonly name = 'MigrationEnded';
  readonly outcome: 'cancelled' | 'diverged' | 'failed';
  /** Whether the destination has said that it failed and the guest has not run there. */
  readonly isPeerSafe: boolean;
  /** Whether the policy gave the migration up. */
  isByPolicy = false;

  constructor(outcome: 'cancelled' | 'diverged' | 'failed', message: string, isPeerSafe = false) {
    super(message);
    this.outcome = outcome;
    this.isPeerSafe = isPeerSafe;
  }

  /** Returns the error with which a policy gives a migration up. */
  static byPolicy(reason: string): MigrationEnded {
    const error = new MigrationEnded('diverged', reason);
    error.isByPolicy = true;
    return error;
  }
}
