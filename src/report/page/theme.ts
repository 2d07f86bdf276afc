const THEMES = ['system', 'light', 'dark'] as const;
const KEY = 'pageferry-theme';

/** Makes the button change between the system's theme, light and dark, and keeps the choice where that is allowed. */
export function armTheme(): void {
  const button = document.querySelector<HTMLButtonElement>('button.theme');
  if (!button) return;
  let index = Math.max(0, THEMES.indexOf(kept() as (typeof THEMES)[number]));
  const show = (): void => {
    const theme = THEMES[index]!;
    document.documentElement.dataset['theme'] = theme;
    button.textContent = `Theme: ${theme}`;
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    index = (index + 1) % THEMES.length;
    show();
    keep(THEMES[index]!);
  });
  show();
}

/** A page that is opened from a disk may have no storage. */
function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(theme: string): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // The choice holds until the page is closed.
  }
}
