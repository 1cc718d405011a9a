/** The tokens that a coordinator has made, kept in its store where there is one. None of their keys is in there. */
import { randomBytes } from 'node:crypto';
import type { Commits } from '../journal/commit.ts';
import type { Store } from '../journal/store.ts';
import { packValues, unpackValues } from '../journal/value-stream.ts';
import { LbtopError } from '../model/errors.ts';
import { instant, nodeName } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { type Infer, list, nullable, struct, text, word } from '../model/shape.ts';
import { roles } from '../wire/messages.ts';

const tokenShape = struct({
  id: text(limits.nameLength),
  role: word(roles),
  name: nodeName,
  createdAt: instant,
  expiresAt: nullable(instant),
  revokedAt: nullable(instant),
  by: text(limits.reasonLength),
  /** The id of the secret that its key follows from. */
  secret: text(limits.nameLength),
});
export type TokenRecord = Infer<typeof tokenShape>;

const tokensShape = list(tokenShape, limits.tokens);

export interface TokenList {
  get(id: string): TokenRecord | undefined;
  all(): TokenRecord[];
  /** Resolves with the record when it is durable. Throws LbtopError where there are too many. */
  add(
    given: Omit<TokenRecord, 'id' | 'revokedAt' | 'createdAt' | 'name'> & { name: string | null },
  ): Promise<TokenRecord>;
  /** Ends tokens by id or name. They have ended at once; resolves with those that were still going when that is durable. */
  revoke(token: string): Promise<TokenRecord[]>;
}

/** No job has that number. */
const ownJob = 0;
/** What has ended stays in the list for so long: whoever still shows it is told why it does not hold. */
const keptMs = 30 * 24 * 3_600_000;

/** Reads the list. `now` in ms since the epoch; `durable` null: it is kept in memory. */
export async function tokenList(
  durable: { store: Store; commits: Commits } | null,
  now: () => number,
): Promise<TokenList> {
  const tokens = new Map<string, TokenRecord>();
  if (durable !== null)
    for await (const stored of unpackValues(durable.store.readItems(ownJob)))
      for (const token of tokensShape.unpack(stored)) tokens.set(token.id, token);

  async function save(): Promise<void> {
    if (durable === null) return;
    const { commits, store } = durable;
    const chunks = [...packValues([tokensShape.pack([...tokens.values()])], store.limits.batchBytes / 4)];
    await commits.commit(
      [],
      chunks.map((bytes, part) => ({ kind: 'items', job: ownJob, part, bytes }) as const),
    );
  }

  function forgetOld(): void {
    const before = now() - keptMs;
    for (const { id, expiresAt, revokedAt } of [...tokens.values()])
      if ((revokedAt ?? expiresAt ?? Number.POSITIVE_INFINITY) < before) tokens.delete(id);
  }

  return {
    get: (id) => tokens.get(id),
    all: () => [...tokens.values()],
    async add(given) {
      forgetOld();
      if (tokens.size >= limits.tokens)
        throw new LbtopError('failed', `there are ${limits.tokens} tokens: those that end leave room after 30 days`);
      const id = randomBytes(5).toString('hex');
      const name = given.name ?? `${given.role}-${id}`;
      const token = { ...given, id, name, createdAt: now(), revokedAt: null };
      tokens.set(id, token);
      await save();
      return token;
    },
    async revoke(said) {
      const meant = [...tokens.values()].filter(({ id, name }) => id === said || name === said);
      if (meant.length === 0) throw new LbtopError('usage', `there is no token ${said}: lbtop token list lists them`);
      const going = meant.filter(({ revokedAt }) => revokedAt === null);
      const revoked = going.map((token) => ({ ...token, revokedAt: now() }));
      for (const token of revoked) tokens.set(token.id, token);
      await save();
      return revoked;
    },
  };
}
