/** The live connection: a snapshot, then numbered changes. A gap asks for a new snapshot; silence or an end reconnects. */
import { session } from './api';
import type { AccountRow, AlertRow, DecisionRow, Delta, Equity, Funnel, Learning, LogRow, Positions, Snapshot, Status, Times, TradeRow } from './types';

const SILENCE_MS = 5_000;
const LONGEST_WAIT_MS = 8_000;
const KEPT = { trades: 200, decisions: 300, logs: 400, alerts: 60, samples: 1_200 };

export type Phase = 'connecting' | 'live' | 'lost' | 'locked';

class Live {
  phase = $state<Phase>('connecting');
  passwordNeeded = $state(false);
  status = $state.raw<Status | null>(null);
  account = $state.raw<AccountRow | null>(null);
  positions = $state.raw<Positions | null>(null);
  trades = $state.raw<TradeRow[]>([]);
  decisions = $state.raw<DecisionRow[]>([]);
  funnel = $state.raw<Funnel | null>(null);
  equity = $state.raw<Equity | null>(null);
  logs = $state.raw<LogRow[]>([]);
  alerts = $state.raw<AlertRow[]>([]);
  learning = $state.raw<Learning | null>(null);
  times = $state.raw<Times | null>(null);
  /** This browser's clock when `times` came. */
  heardMs = $state(0);
  /** Ticks once a second, so that ages grow. */
  tickMs = $state(Date.now());

  private socket: WebSocket | null = null;
  private seq = 0;
  private resyncing = false;
  private waitMs = 300;

  start(): void {
    setInterval(() => this.watch(), 1_000);
    void this.enter();
  }

  /** Venue time now, carried on from the last frame. */
  get venueNowMs(): number | null {
    if (!this.times) return null;
    const passed = this.phase === 'live' ? Math.max(0, this.tickMs - this.heardMs) : 0;
    return this.times.now_ms + passed * this.times.rate;
  }

  /** How old a venue time is, in milliseconds of ours; grows on when the connection is lost. */
  venueAgeMs(ms: number | null | undefined): number | null {
    if (!this.times || ms === null || ms === undefined) return null;
    return Math.max(0, (this.times.now_ms - ms) / this.times.rate) + this.sinceFrameMs();
  }

  /** How old a time of the server's machine is. */
  wallAgeMs(ms: number | null | undefined): number | null {
    if (!this.times || ms === null || ms === undefined) return null;
    return Math.max(0, this.times.wall_ms - ms) + this.sinceFrameMs();
  }

  /** Sign in is needed (or was just done): ask, then connect. */
  async enter(): Promise<void> {
    try {
      const answer = await session();
      this.passwordNeeded = answer.password_needed;
      if (!answer.signed_in) {
        this.phase = 'locked';
        return;
      }
    } catch {
      this.later();
      return;
    }
    this.connect();
  }

  private sinceFrameMs(): number {
    return Math.max(0, this.tickMs - this.heardMs);
  }

  private connect(): void {
    this.socket?.close();
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`);
    this.socket = socket;
    this.resyncing = false;
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket === this.socket) this.take(JSON.parse(event.data) as Snapshot | Delta);
    };
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.socket = null;
      this.later();
    };
  }

  private later(): void {
    if (this.phase !== 'connecting' || this.status) this.phase = 'lost';
    setTimeout(() => void this.enter(), this.waitMs * (0.7 + Math.random() * 0.6));
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_WAIT_MS);
  }

  private watch(): void {
    this.tickMs = Date.now();
    const open = this.socket?.readyState === WebSocket.OPEN;
    if (open && this.phase === 'live' && this.tickMs - this.heardMs > SILENCE_MS) {
      const silent = this.socket;
      this.socket = null;
      silent?.close();
      this.later();
    }
  }

  private take(frame: Snapshot | Delta): void {
    if (frame.kind === 'snapshot') this.takeSnapshot(frame);
    else if (this.resyncing) return;
    else if (frame.seq !== this.seq + 1) {
      this.resyncing = true;
      this.socket?.send('resync');
      return;
    } else this.takeDelta(frame);
    this.seq = frame.seq;
    this.times = frame.times;
    this.heardMs = this.tickMs = Date.now();
    this.phase = 'live';
    this.waitMs = 300;
  }

  private takeSnapshot(frame: Snapshot): void {
    this.resyncing = false;
    this.status = frame.status;
    this.account = frame.account;
    this.positions = frame.positions;
    this.trades = frame.trades;
    this.decisions = frame.decisions;
    this.funnel = frame.funnel;
    this.equity = frame.equity;
    this.logs = frame.logs;
    this.alerts = frame.alerts;
    this.learning = frame.learning;
  }

  private takeDelta(frame: Delta): void {
    if (frame.status) this.status = frame.status;
    if (frame.account) this.account = frame.account;
    if (frame.positions) this.positions = frame.positions;
    if (frame.funnel) this.funnel = frame.funnel;
    if (frame.learning) this.learning = frame.learning;
    if (frame.equity) this.equity = frame.equity;
    else if (frame.samples && this.equity) {
      this.equity = { ...this.equity, samples: thin([...this.equity.samples, ...frame.samples]) };
    }
    if (frame.trades) this.trades = merged(this.trades, frame.trades, (row) => row.position_id, (row) => row.closed_ms).slice(0, KEPT.trades);
    if (frame.decisions) {
      this.decisions = merged(this.decisions, frame.decisions, (row) => row.decision_id, (row) => row.ms).slice(0, KEPT.decisions);
    }
    if (frame.alerts) this.alerts = merged(this.alerts, frame.alerts, (row) => row.id, (row) => row.ts_ms).slice(0, KEPT.alerts);
    if (frame.logs) this.logs = [...this.logs, ...frame.logs].slice(-KEPT.logs);
  }
}

/** Rows with changes put in by id, newest first. */
function merged<T>(rows: T[], changes: T[], id: (row: T) => string, ms: (row: T) => number): T[] {
  const byId = new Map(rows.map((row) => [id(row), row]));
  for (const row of changes) byId.set(id(row), row);
  return [...byId.values()].sort((one, other) => ms(other) - ms(one) || (id(one) < id(other) ? 1 : -1));
}

/** At most so many points: every second one is dropped when there are more. */
function thin<T>(points: T[]): T[] {
  return points.length <= KEPT.samples ? points : points.filter((_, index) => index % 2 === 0 || index === points.length - 1);
}

export const live = new Live();
