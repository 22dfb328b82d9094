// SPDX-License-Identifier: GPL-3.0-or-later
// The transcript: what streams in piece by piece looks as if it had come at once, tokens are found under the
// pointer, the keyboard walks and opens them, and the view keeps its place while things change around it.
#include "prompt_samples.h"
#include "ui/base/format.h"
#include "ui/prompt/overview_strip.h"
#include "ui/prompt/tint.h"
#include "ui/prompt/token_popup.h"
#include "ui/prompt/transcript_view.h"

#include <QApplication>
#include <QClipboard>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>

using namespace fulgurite;

class TestTranscript : public QObject {
    Q_OBJECT

  private slots:
    void initTestCase();
    void streamingEqualsWhole();
    void boxesFollowTheText();
    void everyTokenIsHit();
    void keyboardWalksTokens();
    void uncertainTokens();
    void popupChoosesAndBranches();
    void whatTheServerCannotDoIsGreyed();
    void popupRowsKnowWhatWasCut();
    void thinkingFolds();
    void editingMakesARequest();
    void selectionCopiesWhatIsSeen();
    void codeIsCopiedWhole();
    void sticksToTheEnd();
    void keepsItsPlace();
    void buttonsEmit();
    void overviewShowsWhereItIs();
    void tintScales();

  private:
    ThemeManager themes_;
};

namespace {

void settle() {
    for (int i = 0; i < 10; ++i) {
        QApplication::processEvents();
        QTest::qWait(2);
    }
}

struct Shown {
    explicit Shown(ThemeManager& themes, const QList<Turn>& turns) : view(themes) {
        view.resize(720, 600);
        view.setTurns(turns);
        view.show();
        settle();
    }
    TranscriptView view;
};

// Everything that can be seen of a turn: each line's place and each token's.
QString geometryOf(TranscriptDocument& document, int turn) {
    QString text;
    TextPart& part = document.part(turn, PartKind::Body);
    for (int chunk = 0; chunk < part.chunkCount(); ++chunk) {
        document.layout(turn, PartKind::Body, chunk);
    }
    for (int chunk = 0; chunk < part.chunkCount(); ++chunk) {
        text += QStringLiteral("chunk %1..%2\n").arg(part.top(chunk)).arg(part.bottom(chunk));
        for (const TokenBox& box : document.tokenBoxes(turn, PartKind::Body, chunk)) {
            text += QStringLiteral("%1: %2,%3 %4x%5\n")
                        .arg(box.token)
                        .arg(box.rect.x())
                        .arg(box.rect.y())
                        .arg(box.rect.width())
                        .arg(box.rect.height());
        }
    }
    return text;
}

QPoint centreOf(TranscriptView& view, TokenRef token) {
    const std::vector<QRect> rects = view.document().tokenRects(token);
    const int left = std::max(24, (view.viewport()->width() - view.document().width()) / 2);
    return rects.front().center() + QPoint(left, -view.verticalScrollBar()->value());
}

} // namespace

void TestTranscript::initTestCase() {
    themes_.setMode(ThemeMode::Dark);
    themes_.apply();
}

void TestTranscript::streamingEqualsWhole() {
    const QString text = samples::markdownAnswer() + samples::longMarkdown(600);
    const QList<TokenView> tokens = samples::tokenize(text, TokenChannel::Answer, 5, 0);
    Turn whole = samples::answerTurn(2, {}, {}, 1);
    whole.text = text;
    whole.tokens = tokens;
    TranscriptDocument at_once(themes_);
    at_once.setTurns({samples::userTurn(1, QStringLiteral("Go")), whole});

    Turn empty = whole;
    empty.text.clear();
    empty.tokens.clear();
    empty.state = TurnState::Streaming;
    for (const qsizetype step : {1, 7, 64}) {
        TranscriptDocument growing(themes_);
        growing.setTurns({samples::userTurn(1, QStringLiteral("Go")), empty});
        for (qsizetype at = 0; at < tokens.size(); at += step) {
            growing.appendTokens(2, tokens.mid(at, step));
            if (at % 13 == 0) {
                growing.layOut(0, growing.height()); // as a visible view would in between
            }
        }
        QCOMPARE(growing.turn(1).text, text);
        QCOMPARE(geometryOf(growing, 1), geometryOf(at_once, 1));
    }
}

void TestTranscript::boxesFollowTheText() {
    const QString text = QStringLiteral("one **two** three");
    Turn turn = samples::answerTurn(1, {}, {}, 1);
    turn.text = text;
    const QStringList pieces{QStringLiteral("one"), QStringLiteral(" **"), QStringLiteral("two"),
                             QStringLiteral("**"), QStringLiteral(" three")};
    int offset = 0;
    for (const QString& piece : pieces) {
        TokenView token;
        token.text = piece;
        token.offset = offset;
        offset += static_cast<int>(piece.size());
        turn.tokens.push_back(token);
    }
    TranscriptDocument document(themes_);
    document.setTurns({turn});
    const std::vector<TokenBox> boxes = document.tokenBoxes(0, PartKind::Body, 0);
    QCOMPARE(boxes.size(), std::size_t{4}); // the closing marks show nothing
    QCOMPARE(boxes[0].token, 0);
    QCOMPARE(boxes[2].token, 2);
    QCOMPARE(boxes[3].token, 4);
    QCOMPARE(boxes[1].rect.left(), boxes[0].rect.right());
    QCOMPARE(boxes[3].rect.left(), boxes[2].rect.right());
    QCOMPARE(document.tokenRects({1, 3}).size(), std::size_t{1}); // but can still be shown as a mark
}

void TestTranscript::everyTokenIsHit() {
    Shown shown(themes_, samples::showcase());
    TranscriptDocument& document = shown.view.document();
    int hit = 0;
    for (int turn = 0; turn < document.turnCount(); ++turn) {
        TextPart& part = document.part(turn, PartKind::Body);
        for (int chunk = 0; chunk < part.chunkCount(); ++chunk) {
            const std::vector<TokenBox> boxes = document.tokenBoxes(turn, PartKind::Body, chunk);
            const QPoint origin = document.partOrigin(turn, PartKind::Body) + QPoint(0, part.top(chunk));
            for (const TokenBox& box : boxes) {
                const QPoint centre = box.rect.center().toPoint() + origin;
                const TokenRef found = document.tokenAt(centre);
                QVERIFY(found.valid());
                QCOMPARE(found.turn, document.turn(turn).id);
                if (box.rect.width() > 3) {
                    QCOMPARE(found.index, box.token);
                    ++hit;
                }
            }
        }
    }
    QVERIFY(hit > 200);
    QVERIFY(!document.tokenAt(QPoint(5, 3)).valid());
}

void TestTranscript::keyboardWalksTokens() {
    Shown shown(themes_, samples::showcase());
    TranscriptView& view = shown.view;
    QSignalSpy focused(&view, &TranscriptView::tokenFocused);
    QTest::keyClick(&view, Qt::Key_Home);
    QTest::keyClick(&view, Qt::Key_Right);
    QVERIFY(view.focusedToken().valid());
    QCOMPARE(view.focusedToken().turn, std::int64_t{2});
    const int first = view.focusedToken().index;
    QTest::keyClick(&view, Qt::Key_Right);
    QCOMPARE(view.focusedToken().index, first + 1);
    QTest::keyClick(&view, Qt::Key_Left);
    QCOMPARE(view.focusedToken().index, first);
    QTest::keyClick(&view, Qt::Key_Down);
    const TokenRef below = view.focusedToken();
    QVERIFY(below.index > first + 1);
    QVERIFY(view.document().tokenRects(below).front().top() > view.document().tokenRects({2, first}).front().top());
    // What is in view stays laid out, or it would be blank.
    TranscriptDocument& document = view.document();
    const int top = view.verticalScrollBar()->value();
    const int bottom = top + view.viewport()->height();
    int seen = 0;
    for (int turn = 0; turn < document.turnCount(); ++turn) {
        TextPart& part = document.part(turn, PartKind::Body);
        const int origin = document.partOrigin(turn, PartKind::Body).y();
        for (int chunk = 0; chunk < part.chunkCount(); ++chunk) {
            if (origin + part.bottom(chunk) > top && origin + part.top(chunk) < bottom) {
                QVERIFY2(part.laidOut(chunk), qPrintable(QStringLiteral("turn %1, chunk %2").arg(turn).arg(chunk)));
                ++seen;
            }
        }
    }
    QVERIFY(seen > 3);
    QTest::keyClick(&view, Qt::Key_Up);
    QVERIFY(view.focusedToken().index < below.index);
    QTest::keyClick(&view, Qt::Key_Escape);
    QVERIFY(!view.focusedToken().valid());
    QVERIFY(focused.count() >= 5);
    QVERIFY(!view.accessibleName().isEmpty());
}

void TestTranscript::uncertainTokens() {
    Shown shown(themes_, samples::showcase());
    TranscriptView& view = shown.view;
    view.verticalScrollBar()->setValue(0);
    int found = 0;
    TokenRef last;
    while (view.focusNextUncertain() && found < 1000) {
        const TokenView token = *view.tokenOf(view.focusedToken());
        QVERIFY(uncertain(token));
        QVERIFY(token.channel == TokenChannel::Answer); // thinking is folded
        QVERIFY(!(view.focusedToken() == last));
        last = view.focusedToken();
        ++found;
    }
    QVERIFY(found > 5 && found < 1000);
    QVERIFY(view.focusNextUncertain(true));
}

void TestTranscript::popupChoosesAndBranches() {
    Shown shown(themes_, samples::showcase());
    TranscriptView& view = shown.view;
    QSignalSpy cost(&view, &TranscriptView::tokenCostWanted);
    QSignalSpy branch(&view, &TranscriptView::tokenBranchRequested);
    view.verticalScrollBar()->setValue(0);
    view.focusNextUncertain();
    QTest::keyClick(&view, Qt::Key_Space);
    QVERIFY(view.popup()->isVisible());
    QCOMPARE(cost.count(), 1);
    QVERIFY(view.rect().contains(view.popup()->geometry()));
    for (const QRect& rect : view.document().tokenRects(view.focusedToken())) {
        QVERIFY(!view.popup()->geometry().contains(centreOf(view, view.focusedToken())) || rect.isNull());
    }
    const int before = view.popup()->currentRow();
    QTest::keyClick(&view, Qt::Key_Down);
    QCOMPARE(view.popup()->currentRow(), before + 1);
    QTest::keyClick(&view, Qt::Key_P);
    QVERIFY(view.popup()->pinned());
    const TokenChoice chosen = view.popup()->rows()[before + 1].choice;
    QTest::keyClick(&view, Qt::Key_Return);
    QCOMPARE(branch.count(), 1);
    QCOMPARE(qvariant_cast<TokenRef>(branch[0][0]), view.focusedToken());
    QCOMPARE(branch[0][1].value<TokenChoice>().id, chosen.id);
    QVERIFY(!view.popup()->isVisible());
    QTest::keyClick(&view, Qt::Key_Space);
    QTest::keyClick(&view, Qt::Key_Escape);
    QVERIFY(!view.popup()->isVisible());
    QVERIFY(view.focusedToken().valid());
}

void TestTranscript::whatTheServerCannotDoIsGreyed() {
    const QString why = QStringLiteral("vLLM takes text, not tokens");
    Shown shown(themes_, samples::showcase());
    TranscriptView& view = shown.view;
    QSignalSpy branch(&view, &TranscriptView::tokenBranchRequested);
    QSignalSpy proceed(&view, &TranscriptView::continueRequested);
    view.setContinueObstacle(why);
    view.verticalScrollBar()->setValue(0);
    view.focusNextUncertain();
    QTest::keyClick(&view, Qt::Key_Space);
    QVERIFY(view.popup()->isVisible());
    const auto* button = view.popup()->findChild<QPushButton*>(); // the first is for branching
    QVERIFY(!button->isEnabled());
    QCOMPARE(button->toolTip(), why);
    QCOMPARE(button->accessibleDescription(), why);
    view.setTokenCost(view.focusedToken(), 3, 0.1); // what is of no use is not told
    QVERIFY(!view.popup()->findChild<QLabel*>()->text().contains("replay"));
    QTest::keyClick(&view, Qt::Key_Return);
    QCOMPARE(branch.count(), 0);
    const auto buttons = view.document().buttons(3);
    const auto go_on = std::find_if(buttons.begin(), buttons.end(),
                                    [](const TurnButton& each) { return each.action == TurnAction::Continue; });
    QVERIFY(go_on != buttons.end() && !go_on->enabled && go_on->tooltip.contains(why));
    view.triggerAction(3, TurnAction::Continue);
    QCOMPARE(proceed.count(), 0);
    view.setContinueObstacle({});
    QVERIFY(button->isEnabled());
    view.triggerAction(3, TurnAction::Continue);
    QCOMPARE(proceed.count(), 1);
}

void TestTranscript::popupRowsKnowWhatWasCut() {
    TokenView token;
    token.id = 3;
    token.logprob = -5;
    token.kept = 2;
    token.before = {
        {1, -0.4f, QStringLiteral("a")}, {2, -1.4f, QStringLiteral("b")}, {4, -3.0f, QStringLiteral("c")}};
    token.after = {{1, -0.3f, QStringLiteral("a")}, {2, -1.3f, QStringLiteral("b")}};
    const QList<PopupRow> rows = popupRows(token);
    QCOMPARE(rows.size(), 4);
    QVERIFY(!rows[0].cut && rows[0].listed);
    QVERIFY(!rows[1].cut);
    QVERIFY(rows[2].cut);
    QVERIFY(rows[3].sampled && !rows[3].cut);
}

void TestTranscript::thinkingFolds() {
    Shown shown(themes_, samples::showcase());
    TranscriptView& view = shown.view;
    const int folded = view.document().height();
    QVERIFY(!view.document().thinkingOpen(1));
    view.setFocusedToken({2, view.document().part(1, PartKind::Body).tokens.front()});
    QTest::keyClick(&view, Qt::Key_Return);
    QVERIFY(view.document().thinkingOpen(1));
    settle();
    QVERIFY(view.document().height() > folded + 100);
    QTest::keyClick(&view, Qt::Key_Return);
    settle();
    QCOMPARE(view.document().height(), folded);
}

void TestTranscript::editingMakesARequest() {
    Shown shown(themes_, samples::showcase());
    TranscriptView& view = shown.view;
    QSignalSpy committed(&view, &TranscriptView::editCommitted);
    view.beginEdit(3);
    auto* field = view.findChild<QPlainTextEdit*>();
    QVERIFY(field != nullptr);
    QCOMPARE(field->toPlainText(), view.document().turn(2).text);
    QTest::keyClick(field, Qt::Key_Escape);
    QVERIFY(!view.editing());
    QCOMPARE(committed.count(), 0);
    settle();
    view.beginEdit(3);
    field = view.findChild<QPlainTextEdit*>();
    field->setPlainText(QStringLiteral("Another question"));
    QTest::keyClick(field, Qt::Key_Return, Qt::ControlModifier);
    QCOMPARE(committed.count(), 1);
    QCOMPARE(committed[0][0].toLongLong(), 3);
    QCOMPARE(committed[0][1].toString(), QStringLiteral("Another question"));
}

void TestTranscript::selectionCopiesWhatIsSeen() {
    Turn answer = samples::answerTurn(
        2, {}, QStringLiteral("Some **bold** text.\n\n- one\n- two\n\n```c\nint x;\nint y;\n```\n"), 1);
    Shown shown(themes_, {samples::userTurn(1, QStringLiteral("A question\nin two lines")), answer});
    shown.view.selectAll();
    QCOMPARE(shown.view.selectedText(),
             QStringLiteral("A question\nin two lines\n\nSome bold text.\n\n• one\n• two\n\nint x;\nint y;"));
    QTest::keyClick(&shown.view, Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QApplication::clipboard()->text(), shown.view.selectedText());
    // With the pointer, from the middle of one word to the middle of another.
    const TokenRef first{2, 0};
    const QPoint from = centreOf(shown.view, first);
    QTest::mousePress(shown.view.viewport(), Qt::LeftButton, {}, from);
    QTest::mouseMove(shown.view.viewport(), from + QPoint(60, 0));
    QMouseEvent move(QEvent::MouseMove, from + QPoint(60, 0),
                     shown.view.viewport()->mapToGlobal(from + QPoint(60, 0)), Qt::NoButton, Qt::LeftButton, {});
    QApplication::sendEvent(shown.view.viewport(), &move);
    QTest::mouseRelease(shown.view.viewport(), Qt::LeftButton, {}, from + QPoint(60, 0));
    QVERIFY(shown.view.selectedText().size() > 3);
    QVERIFY(QStringLiteral("Some bold text.").contains(shown.view.selectedText()));
}

void TestTranscript::codeIsCopiedWhole() {
    QString code;
    for (int i = 0; i < 70; ++i) {
        code += QStringLiteral("line(%1);\n").arg(i);
    }
    Turn answer =
        samples::answerTurn(2, {}, QStringLiteral("Look:\n\n```js\n") + code + QStringLiteral("```\n"), 1);
    Shown shown(themes_, {answer});
    QVERIFY(shown.view.document().part(0, PartKind::Body).chunkCount() > 3);
    shown.view.triggerAction(0, TurnAction::CopyCode, 1);
    QCOMPARE(QApplication::clipboard()->text(), code);
}

void TestTranscript::sticksToTheEnd() {
    QList<Turn> turns = samples::conversation(4000, 1000);
    turns.back().state = TurnState::Streaming;
    const std::int64_t id = turns.back().id;
    Shown shown(themes_, turns);
    TranscriptView& view = shown.view;
    QScrollBar* bar = view.verticalScrollBar();
    QVERIFY(view.atEnd());
    QCOMPARE(bar->value(), bar->maximum());
    const auto more = samples::tokenize(samples::markdownAnswer(), TokenChannel::Answer, 3, 0);
    view.appendTokens(id, more);
    settle();
    QCOMPARE(bar->value(), bar->maximum());
    bar->setValue(bar->maximum() - 500);
    settle();
    QVERIFY(!view.atEnd());
    const int value = bar->value();
    view.appendTokens(id, more);
    settle();
    QCOMPARE(bar->value(), value);
    QVERIFY(bar->maximum() > value + 500);
    view.scrollToEnd();
    QCOMPARE(bar->value(), bar->maximum());
}

void TestTranscript::keepsItsPlace() {
    Shown shown(themes_, samples::conversation(20000, 2000));
    TranscriptView& view = shown.view;
    view.verticalScrollBar()->setValue(view.verticalScrollBar()->maximum() / 2);
    settle();
    view.setFocusedToken({}, false);
    // Scrolling up in small steps over chunks that were never laid out must move by those steps, not by their
    // errors.
    QTest::keyClick(&view, Qt::Key_Right);
    const TokenRef mark = view.focusedToken();
    QVERIFY(mark.valid());
    const auto onScreen = [&] {
        return view.document().tokenRects(mark).front().top() - view.verticalScrollBar()->value();
    };
    int before = onScreen();
    for (int i = 0; i < 12; ++i) {
        view.verticalScrollBar()->setValue(view.verticalScrollBar()->value() - 40);
        QVERIFY(std::abs(onScreen() - (before + 40)) <= 1);
        before = onScreen();
        settle();
        QVERIFY(std::abs(onScreen() - before) <= 1);
    }
}

void TestTranscript::buttonsEmit() {
    Shown shown(themes_, samples::showcase());
    TranscriptView& view = shown.view;
    QSignalSpy regenerate(&view, &TranscriptView::regenerateRequested);
    QSignalSpy proceed(&view, &TranscriptView::continueRequested);
    QSignalSpy sibling(&view, &TranscriptView::siblingRequested);
    QSignalSpy table(&view, &TranscriptView::tokenTableRequested);
    view.scrollToEnd();
    settle();
    const int left = std::max(24, (view.viewport()->width() - view.document().width()) / 2);
    for (const TurnButton& button : view.document().buttons(3)) {
        if (button.action == TurnAction::Regenerate || button.action == TurnAction::Continue) {
            const QPoint at = button.rect.center() + QPoint(left, -view.verticalScrollBar()->value());
            QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, at);
        }
    }
    QCOMPARE(regenerate.count(), 1);
    QCOMPARE(proceed.count(), 1);
    QCOMPARE(proceed[0][0].toLongLong(), 4);
    view.setFocusedToken({2, view.document().part(1, PartKind::Body).tokens.front()});
    QTest::keyClick(&view, Qt::Key_BracketRight);
    QTest::keyClick(&view, Qt::Key_BracketLeft); // the first of three: there is none before
    QCOMPARE(sibling.count(), 1);
    QCOMPARE(sibling[0][1].toInt(), 1);
    QTest::keyClick(&view, Qt::Key_T);
    QCOMPARE(table.count(), 1);
}

void TestTranscript::overviewShowsWhereItIs() {
    Shown shown(themes_, samples::conversation(8000, 1000));
    auto* strip = shown.view.findChild<OverviewStrip*>();
    QVERIFY(strip != nullptr);
    const auto& rows = strip->rows();
    QCOMPARE(static_cast<int>(rows.size()), strip->height());
    const auto person = std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.person; });
    const auto model = std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.strength >= 0; });
    QVERIFY(person > 4 && person < 100);
    QVERIFY(model > strip->height() / 2);
    QTest::mouseClick(strip, Qt::LeftButton, {}, QPoint(5, 2));
    QCOMPARE(shown.view.verticalScrollBar()->value(), 0);
}

void TestTranscript::tintScales() {
    TokenView token;
    token.logprob = static_cast<float>(std::log(0.25));
    token.entropy = static_cast<float>(4 * std::log(2.0));
    QVERIFY(std::abs(tintStrength(token, TintMode::Probability) - 0.25) < 1e-6);
    QVERIFY(std::abs(tintStrength(token, TintMode::Surprise) - 0.25) < 1e-6);
    QVERIFY(std::abs(tintStrength(token, TintMode::Entropy) - 0.5) < 1e-6);
    QCOMPARE(tintStrength(token, TintMode::Off), 0.0);
    QVERIFY(!tintUnderlines(token, TintMode::Surprise));
    token.logprob = static_cast<float>(std::log(0.06));
    QVERIFY(tintUnderlines(token, TintMode::Surprise));
    token.scored = false;
    QCOMPARE(tintColor(token, TintMode::Surprise, themes_).alpha(), 0);
    QCOMPARE(readableToken(QStringLiteral(" a\n")), QStringLiteral("␣a↵"));
    QCOMPARE(secondsText(0.069), QStringLiteral("69 ms"));
    QCOMPARE(compactCount(5200), QStringLiteral("5.2 K"));
}

QTEST_MAIN(TestTranscript)
#include "test_transcript.moc"
