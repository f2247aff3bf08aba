/** Names for the generated API types. */
import type { components } from './schema';

type S = components['schemas'];
export type Snapshot = S['Snapshot'];
export type Status = S['Status'];
export type Times = S['Times'];
export type ServiceRow = S['ServiceRow'];
export type AccountRow = S['AccountRow'];
export type Positions = S['Positions'];
export type PositionRow = S['PositionRow'];
export type TradeRow = S['TradeRow'];
export type DecisionRow = S['DecisionRow'];
export type Step = S['Step'];
export type Funnel = S['Funnel'];
export type BlockedBy = S['BlockedBy'];
export type Equity = S['Equity'];
export type EquityPoint = S['EquityPoint'];
export type LogRow = S['LogRow'];
export type AlertRow = S['AlertRow'];
export type Learning = S['Learning'];
export type LearningReport = S['LearningReport'];
export type FilterResult = S['FilterResult'];
export type ModelScore = S['ModelScore'];
export type TunerBucket = S['TunerBucket'];
export type Command = S['Command'];
export type Confirmed = S['Confirmed'];
export type Preview = S['Preview'];
export type StopMoved = S['StopMoved'];
export type SessionAnswer = S['SessionAnswer'];

/** What changed; absent sections did not. */
export type Delta = { kind: 'delta'; seq: number; times: Times } & Partial<{
  status: Status;
  account: AccountRow;
  positions: Positions;
  trades: TradeRow[];
  decisions: DecisionRow[];
  funnel: Funnel;
  equity: Equity;
  samples: EquityPoint[];
  logs: LogRow[];
  alerts: AlertRow[];
  learning: Learning;
}>;
