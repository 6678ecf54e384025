package dev.podium.feedback.rendering;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Pattern;
import org.commonmark.node.Code;
import org.commonmark.node.FencedCodeBlock;
import org.commonmark.node.HtmlBlock;
import org.commonmark.node.HtmlInline;
import org.commonmark.node.Image;
import org.commonmark.node.IndentedCodeBlock;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.Paragraph;
import org.commonmark.node.Text;

/** Takes what could run, load or hide out of a parsed text, before it becomes HTML. */
final class HostileNodes {
    /** The renderer and the sanitiser recurse; no text that people write nests this deep. */
    private static final int MAX_DEPTH = 100;

    /** Short references to one long destination can multiply it; more than this in sum is an attack. */
    private static final int MAX_DESTINATION_CHARACTERS = 200_000;

    /**
     * An absolute address of a kind that a person may want to follow. Relative ones would lead into our own pages; a
     * user name before the host is there to deceive.
     */
    private static final Pattern FOLLOWED =
            Pattern.compile("(?i)https?://[^/?#@\\\\\\s]+([/?#][^\\\\\\s]*)?|mailto:[^\\\\\\s]+");

    private HostileNodes() {}

    private record Visit(Node node, int depth) {}

    /** Changes the tree in place; false where the text is built to explode and has to be shown as plain text. */
    static boolean disarm(Node document) {
        Deque<Visit> open = new ArrayDeque<>();
        open.push(new Visit(document, 0));
        long destinationCharacters = 0;
        while (!open.isEmpty()) {
            Visit visit = open.pop();
            if (visit.depth() > MAX_DEPTH) {
                return false;
            }
            Node node = visit.node();
            for (Node child = node.getFirstChild(); child != null; child = child.getNext()) {
                open.push(new Visit(child, visit.depth() + 1));
            }
            destinationCharacters += destinationOf(node).length();
            if (destinationCharacters > MAX_DESTINATION_CHARACTERS) {
                return false;
            }
            disarmOne(node);
        }
        return true;
    }

    private static String destinationOf(Node node) {
        if (node instanceof Link link) {
            return link.getDestination();
        }
        return node instanceof Image image ? image.getDestination() : "";
    }

    private static void disarmOne(Node node) {
        switch (node) {
            case Text text -> text.setLiteral(VisibleText.of(text.getLiteral()));
            case Formulas.Formula formula -> formula.setTex(VisibleText.of(formula.tex()));
            case Code code -> code.setLiteral(VisibleText.of(code.getLiteral()));
            case FencedCodeBlock block -> block.setLiteral(VisibleText.of(block.getLiteral()));
            case IndentedCodeBlock block -> block.setLiteral(VisibleText.of(block.getLiteral()));
            case HtmlInline html -> {
                html.insertBefore(new Text(html.getLiteral()));
                html.unlink();
            }
            case HtmlBlock html -> {
                Paragraph paragraph = new Paragraph();
                paragraph.appendChild(new Text(html.getLiteral()));
                html.insertBefore(paragraph);
                html.unlink();
            }
            case Image image -> inPlainWords(image, "[image not loaded: ", " " + image.getDestination() + "]");
            case Link link
            when !FOLLOWED.matcher(link.getDestination()).matches() ->
                inPlainWords(link, "", " (" + link.getDestination() + ")");
            default -> {}
        }
    }

    /** Replaces a node by its children between two texts. The children are already on the walk's list. */
    private static void inPlainWords(Node node, String before, String after) {
        node.insertBefore(new Text(before));
        Node child = node.getFirstChild();
        while (child != null) {
            Node next = child.getNext();
            node.insertBefore(child);
            child = next;
        }
        node.insertBefore(new Text(VisibleText.of(after)));
        node.unlink();
    }
}
