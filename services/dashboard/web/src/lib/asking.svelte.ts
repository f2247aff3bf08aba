/** The dialogs that ask before a command, and the one receipt that is open. */
import type { Command, PositionRow } from './types';

export interface Question {
  command: Command;
  position?: PositionRow;
}

class Asking {
  question = $state.raw<Question | null>(null);
  stop = $state.raw<PositionRow | null>(null);
  decisionId = $state<string | null>(null);

  ask(command: Command, position?: PositionRow): void {
    this.question = position ? { command, position } : { command };
  }
}

export const asking = new Asking();
