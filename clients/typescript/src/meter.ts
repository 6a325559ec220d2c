// Counting without a request for each count: leases are taken ahead, used here, and settled with what was used.

import type { CallOptions } from "./calling.js";
import { now } from "./clock.js";
import { ApiError, BillingError } from "./errors.js";
import type { Answer, Body } from "./types.js";

/** How a meter takes its leases. */
export interface LeaseTerms {
  /** The smallest block; 10. */
  least?: number;
  /** The largest block; 10,000. */
  most?: number;
  /** How long a block lasts at the rate of late; 5. */
  aheadSeconds?: number;
  /** For how long a block is leased; 60. */
  ttlSeconds?: number;
  /** For how long at its end it is not used, so that what is left of it can be given back; 10. */
  marginSeconds?: number;
}

/** @internal */
export interface Leases {
  takeLease(body: Body<"takeLease">, options?: CallOptions): Promise<Answer<"takeLease">>;
  settleLease(id: string, body: Body<"settleLease">, options?: CallOptions): Promise<Answer<"settleLease">>;
}

/** What a meter did so far, in units. `lost` may be counted though it was not used: a lease or settlement failed. */
export interface MeterStats {
  consumed: number;
  granted: number;
  returned: number;
  lost: number;
}

type Metric = Body<"takeLease">["metric"];

interface Block {
  leaseId: string;
  granted: number;
  used: number;
  endsAt: number;
}

interface Quota {
  accountId: string;
  metric: Metric;
  blocks: Block[];
  size: number;
  used: number;
  since: number;
  /** The lease that is being asked for. */
  asking: Promise<void> | undefined;
  pausedUntil: number;
}

const GROWTH = 4;
const PAUSE_MS = 5_000;

/**
 * Counts usage of any number of accounts and metrics. `consume` resolves when the units are counted, mostly without a
 * request. Close the meter at the end: what was leased and not used goes back. A process that ends without leaves its
 * blocks counted as used, at most what it had in hand; nothing is ever counted too little.
 */
export class LeasedMeter {
  readonly stats: MeterStats = { consumed: 0, granted: 0, returned: 0, lost: 0 };
  readonly #leases: Leases;
  readonly #terms: Required<LeaseTerms>;
  readonly #quotas = new Map<string, Quota>();
  readonly #settling = new Set<Promise<void>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(leases: Leases, terms: LeaseTerms = {}) {
    this.#leases = leases;
    this.#terms = { least: 10, most: 10_000, aheadSeconds: 5, ttlSeconds: 60, marginSeconds: 10, ...terms };
    const { least, most, ttlSeconds, marginSeconds } = this.#terms;
    if (!(least >= 1 && least <= most)) throw new RangeError("least must be at least 1, and most at least that");
    if (!(ttlSeconds >= 1 && ttlSeconds <= 3_600 && marginSeconds >= 0 && marginSeconds < ttlSeconds)) {
      throw new RangeError("ttlSeconds must be from 1 to 3600, and marginSeconds less");
    }
  }

  /** Count so many units, one at least. Rejects with PLAN_LIMIT_EXCEEDED exactly when the service refuses. */
  async consume(accountId: string, metric: Metric, quantity = 1): Promise<void> {
    if (!Number.isSafeInteger(quantity) || quantity < 1) throw new RangeError("quantity must be at least 1");
    if (this.#closed) throw new Error("the meter is closed");
    const quota = this.#quota(accountId, metric);
    while (!this.#take(quota, quantity)) {
      if (quota.asking) await quota.asking.catch(() => undefined);
      else await this.#ask(quota, quantity - left(quota));
      // It closed while this call was asking: nobody else will settle what came.
      if (this.#closed) this.#settleAll();
    }
    this.#lookAhead(quota);
  }

  /** Settle everything in hand. Never rejects for a settlement that fails: its units are in `stats.lost`. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled([...this.#quotas.values()].map((quota) => quota.asking));
    this.#settleAll();
    while (this.#settling.size > 0) await Promise.all(this.#settling);
  }

  #quota(accountId: string, metric: Metric): Quota {
    const name = JSON.stringify([accountId, metric]);
    let quota = this.#quotas.get(name);
    if (!quota) {
      quota = { accountId, metric, blocks: [], size: 0, used: 0, since: now(), asking: undefined, pausedUntil: 0 };
      this.#quotas.set(name, quota);
    }
    return quota;
  }

  #take(quota: Quota, quantity: number): boolean {
    this.#retire();
    if (left(quota) < quantity) return false;
    let missing = quantity;
    for (const block of quota.blocks) {
      const part = Math.min(block.granted - block.used, missing);
      block.used += part;
      missing -= part;
    }
    quota.used += quantity;
    this.stats.consumed += quantity;
    return true;
  }

  /** Ask for the next block, the only one at a time for this quota. */
  #ask(quota: Quota, least: number): Promise<void> {
    const size = Math.max(this.#nextSize(quota), least);
    // A part of what is needed would help nobody here, nor elsewhere.
    const partial = size > least || least === 1;
    const asked = this.#lease(quota, size, partial)
      .catch((error: unknown) => {
        // There is room, and several leases hold it together: the rest is asked for after this one.
        if (partial || !(error instanceof ApiError && error.code === "LEASE_TOO_LARGE")) throw error;
        return this.#lease(quota, size, true);
      })
      .finally(() => {
        quota.asking = undefined;
      });
    quota.asking = asked;
    return asked;
  }

  async #lease(quota: Quota, size: number, allow_partial: boolean): Promise<void> {
    const sentAt = now();
    const { ttlSeconds, marginSeconds } = this.#terms;
    try {
      const lease = await this.#leases.takeLease({
        account_id: quota.accountId, metric: quota.metric, quantity: size, ttl_seconds: ttlSeconds, allow_partial,
      });
      // Two clocks need not agree: the service counted the seconds from a moment after the request was sent. The month
      // in which the lease counts ends so much later; the service's seconds are whole ones.
      const grantedAt = Date.parse(lease.expires_at) / 1000 - ttlSeconds;
      const ofMonth = endOfMonth(lease.period) - grantedAt - 1;
      const usable = Math.max(0, Math.min(ttlSeconds - marginSeconds, ofMonth));
      this.stats.granted += lease.granted;
      quota.blocks.push({ leaseId: lease.lease_id, granted: lease.granted, used: 0, endsAt: sentAt + usable * 1000 });
      this.#schedule();
    } catch (error) {
      if (error instanceof BillingError && error.outcomeUnknown) this.stats.lost += size;
      throw error;
    }
  }

  #nextSize(quota: Quota): number {
    const { aheadSeconds, least, most } = this.#terms;
    const rate = (1000 * quota.used) / Math.max(1, now() - quota.since);
    const wanted = Math.min(Math.ceil(rate * aheadSeconds), GROWTH * quota.size, most);
    quota.size = Math.max(wanted, least);
    quota.since = now();
    quota.used = 0;
    return quota.size;
  }

  #lookAhead(quota: Quota): void {
    if (this.#closed || quota.asking || now() < quota.pausedUntil || 2 * left(quota) > quota.size) return;
    // Whoever needs it will ask for itself, and be told.
    this.#ask(quota, 1).catch(() => {
      quota.pausedUntil = now() + PAUSE_MS;
    });
  }

  /** Settle the blocks that are used up or whose time is over, and forget quotas that nobody uses. */
  #retire(): void {
    for (const [name, quota] of this.#quotas) {
      const over = quota.blocks.filter((block) => block.used === block.granted || block.endsAt <= now());
      if (over.length === 0) continue;
      quota.blocks = quota.blocks.filter((block) => !over.includes(block));
      for (const block of over) this.#settle(quota, block);
      if (quota.blocks.length === 0 && !quota.asking && over.every((block) => block.used < block.granted)) {
        this.#quotas.delete(name);
      }
    }
    this.#schedule();
  }

  #settleAll(): void {
    for (const quota of this.#quotas.values()) {
      for (const block of quota.blocks.splice(0)) this.#settle(quota, block);
    }
  }

  #settle(quota: Quota, block: Block): void {
    const unused = block.granted - block.used;
    const settled = this.#leases
      .settleLease(block.leaseId, { account_id: quota.accountId, used: block.used })
      .then(
        ({ returned }) => {
          this.stats.returned += returned;
          this.stats.lost += Math.max(0, unused - returned);
        },
        () => {
          this.stats.lost += unused;
        },
      )
      .finally(() => this.#settling.delete(settled));
    this.#settling.add(settled);
  }

  /** Wake up when the next block's time is over. It keeps no process alive. */
  #schedule(): void {
    clearTimeout(this.#timer);
    const ends = [...this.#quotas.values()].flatMap((quota) => quota.blocks.map((block) => block.endsAt));
    if (this.#closed || ends.length === 0) return;
    this.#timer = setTimeout(() => this.#retire(), Math.max(1, Math.min(...ends) - now()));
    (this.#timer as { unref?: () => void }).unref?.();
  }
}

function left(quota: Quota): number {
  return quota.blocks.reduce((sum, block) => sum + (block.endsAt > now() ? block.granted - block.used : 0), 0);
}

function endOfMonth(period: string): number {
  const [year, month] = period.split("-").map(Number);
  const end = Date.UTC(year ?? NaN, month ?? NaN, 1) / 1000;
  if (Number.isNaN(end)) throw new BillingError("The lease's period is no month.");
  return end;
}
