/** What a streaming verb gives, asked for piece by piece, so that a slow reader holds nothing up but itself. */
export interface Source {
  /**
   * Returns the next value; `pending` where there is none now (`wake` is called when there may be), or `finished`; or a
   * promise of one of these. Called again only when that has come.
   */
  pull(): unknown;
  close(): void;
}

export const pending: unique symbol = Symbol('pending');
export const finished: unique symbol = Symbol('finished');
