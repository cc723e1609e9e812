/** A computation in steps: it yields between bitmap operations, so that others can have a turn. */
export type Steps<T> = Generator<undefined, T>;

/** Runs a computation to its end. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
