// What must be undone on close, in the opposite order. Node 20 has no AsyncDisposableStack.

export class Closing {
  private readonly steps: (() => unknown)[] = [];

  /** Disposes of a value on close. */
  use<T extends Disposable>(value: T): T {
    this.steps.push(() => value[Symbol.dispose]());
    return value;
  }

  /** Runs a step on close. */
  defer(step: () => unknown): void {
    this.steps.push(step);
  }

  /** Runs all steps, also when one fails; the first failure is thrown at the end. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
