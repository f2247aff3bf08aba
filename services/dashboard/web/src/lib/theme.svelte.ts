/** Light, dark, or as the system says; remembered in this browser. */
export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'mraster.theme';
const ORDER: Theme[] = ['auto', 'light', 'dark'];

class ThemeChoice {
  current = $state<Theme>('auto');

  start(): void {
    const saved = read();
    this.current = ORDER.includes(saved as Theme) ? (saved as Theme) : 'auto';
    this.apply();
  }

  next(): void {
    this.current = ORDER[(ORDER.indexOf(this.current) + 1) % ORDER.length] ?? 'auto';
    try {
      localStorage.setItem(KEY, this.current);
    } catch {
      // private windows may refuse to remember
    }
    this.apply();
  }

  private apply(): void {
    const root = document.documentElement;
    if (this.current === 'auto') delete root.dataset.theme;
    else root.dataset.theme = this.current;
  }
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const theme = new ThemeChoice();
