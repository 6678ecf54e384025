package dev.podium.llm.chat;

/**
 * Applies Jinja's whitespace rules to a template's text, as Jinja's own lexer does with {@code trim_blocks} and
 * {@code lstrip_blocks}. The library for Java ignores the minus of an expression and strips blanks in the middle of a
 * line, so it gets a template on which nothing is left to strip.
 *
 * @see <a href="https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control">the rules</a>
 */
final class WhitespaceControl {
    private final String template;
    private final StringBuilder out = new StringBuilder();

    private WhitespaceControl(String template) {
        this.template = template;
    }

    static String apply(String template) {
        String unix = template.replace("\r\n", "\n").replace('\r', '\n');
        // Jinja drops one newline at the template's end.
        return new WhitespaceControl(unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix).run();
    }

    private String run() {
        int position = 0;
        boolean lineStarts = true;
        for (int tag = nextTag(0); tag >= 0; tag = nextTag(position)) {
            char kind = template.charAt(tag + 1);
            String text = template.substring(position, tag);
            int content = tag + 2;
            char sign = content < template.length() ? template.charAt(content) : ' ';
            boolean signed = sign == '-' || (sign == '+' && kind != '{');
            if (sign == '-') {
                text = text.stripTrailing();
            } else if (kind != '{' && sign != '+') {
                text = withoutIndent(text, lineStarts);
            }
            out.append(text);
            int end = endOfTag(content, kind);
            char last = template.charAt(end - 1);
            boolean signedEnd = end - 1 > content && (last == '-' || (last == '+' && kind != '{'));
            out.append('{').append(kind);
            out.append(template, signed ? content + 1 : content, signedEnd ? end - 1 : end);
            out.append(kind == '{' ? '}' : kind).append('}');
            position = end + 2;
            int resume = position;
            if (signedEnd && last == '-') {
                while (resume < template.length() && Character.isWhitespace(template.charAt(resume))) {
                    resume++;
                }
            } else if (kind != '{' && !signedEnd && template.startsWith("\n", resume)) {
                resume++;
            }
            lineStarts = resume > position && template.charAt(resume - 1) == '\n';
            position = resume;
        }
        return out.append(template, position, template.length()).toString();
    }

    private int nextTag(int from) {
        for (int i = template.indexOf('{', from);
                i >= 0 && i + 1 < template.length();
                i = template.indexOf('{', i + 1)) {
            char kind = template.charAt(i + 1);
            if (kind == '{' || kind == '%' || kind == '#') {
                return i;
            }
        }
        return -1;
    }

    /** Blanks before a block go when nothing else stands before it on its line. */
    private static String withoutIndent(String text, boolean lineStarts) {
        int line = text.lastIndexOf('\n') + 1;
        return (line > 0 || lineStarts) && text.substring(line).isBlank() ? text.substring(0, line) : text;
    }

    /** Where the closing delimiter begins; one inside a text or a nested brace does not close. */
    private int endOfTag(int from, char kind) {
        char close = kind == '{' ? '}' : kind;
        char quote = 0;
        int depth = 0;
        for (int i = from; i + 1 < template.length(); i++) {
            char c = template.charAt(i);
            if (kind != '#' && quote != 0) {
                i += c == '\\' ? 1 : 0;
                quote = c == quote ? 0 : quote;
            } else if (kind != '#' && (c == '\'' || c == '"')) {
                quote = c;
            } else if (depth == 0 && c == close && template.charAt(i + 1) == '}') {
                return i;
            } else if (kind != '#') {
                depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            }
        }
        throw new IllegalArgumentException("the chat template has a {" + kind + " that is never closed");
    }
}
