// SPDX-License-Identifier: GPL-3.0-or-later
// Conversation list, branch map and token table: models that keep Qt's rules, places that do not overlap, keys,
// text twins; and the transcript as assistive technology sees it.
#include "prompt_samples.h"
#include "ui/prompt/branch_map.h"
#include "ui/prompt/conversation_list.h"
#include "ui/prompt/conversation_model.h"
#include "ui/prompt/token_table.h"
#include "ui/prompt/token_table_model.h"
#include "ui/prompt/transcript_view.h"

#include <QAbstractItemModelTester>
#include <QAccessible>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>

using namespace fulgurite;

class TestPromptLists : public QObject {
    Q_OBJECT

  private slots:
    void initTestCase();
    void conversationModel();
    void lanes();
    void listKeys();
    void searchAndFilters();
    void times();
    void branchesDoNotOverlap();
    void deepTrees();
    void branchKeys();
    void branchWords();
    void tokenTable();
    void tokenCsv();
    void transcriptForAssistiveTechnology();

  private:
    ThemeManager themes_;
};

void TestPromptLists::initTestCase() {
    themes_.setMode(ThemeMode::Dark);
    themes_.apply();
}

void TestPromptLists::conversationModel() {
    ConversationModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.setRows(samples::conversations());
    // 1 without a folder, 2 headings, 5 in folders, 6 branches
    QCOMPARE(model.rowCount(), 14);
    QVERIFY(model.line(0).kind == ConversationModel::Kind::Conversation);
    QVERIFY(model.line(1).kind == ConversationModel::Kind::Folder);
    model.setCollapsed(QStringLiteral("Kernels"), true);
    QCOMPARE(model.rowCount(), 5);
    model.setCollapsed(QStringLiteral("Kernels"), false);
    model.setUnfolded(1, false);
    QCOMPARE(model.rowCount(), 8);
    QSignalSpy renamed(&model, &ConversationModel::renamed);
    const QModelIndex first = model.index(model.indexOf(1));
    QVERIFY(model.setData(first, QStringLiteral("  Another\nname "), Qt::EditRole));
    QCOMPARE(renamed.count(), 1);
    QCOMPARE(renamed[0][1].toString(), QStringLiteral("Another name"));
    QVERIFY(!model.setData(first, QStringLiteral("  "), Qt::EditRole));
    QVERIFY(!model.data(first, Qt::AccessibleTextRole).toString().isEmpty());
    model.setRows({});
    QCOMPARE(model.rowCount(), 0);
}

void TestPromptLists::lanes() {
    ConversationModel model;
    model.setRows(samples::conversations());
    const std::vector<int> expected{0, 0, 0, 1, 1, 2};
    QCOMPARE(model.lanes(), expected);
    QCOMPARE(model.laneCount(), 3);
}

void TestPromptLists::listKeys() {
    ConversationList list(themes_);
    list.resize(252, 600);
    list.setRows(samples::conversations());
    list.show();
    auto* view = list.findChild<QListView*>();
    QSignalSpy opened(&list, &ConversationList::openRequested);
    QSignalSpy branch(&list, &ConversationList::branchOpenRequested);
    QSignalSpy removed(&list, &ConversationList::removeRequested);
    QSignalSpy renamed(&list, &ConversationList::renamed);
    QCOMPARE(view->currentIndex().row(), list.model().indexOf(1)); // the open one
    QTest::keyClick(view, Qt::Key_Return);
    QCOMPARE(opened.count(), 1);
    QCOMPARE(opened[0][0].toLongLong(), 1);
    QTest::keyClick(view, Qt::Key_Down);
    QTest::keyClick(view, Qt::Key_Return);
    QCOMPARE(branch.count(), 1);
    QCOMPARE(branch[0][1].toLongLong(), 10);
    QTest::keyClick(view, Qt::Key_Left); // folds, and stands on the conversation again
    QCOMPARE(view->currentIndex().row(), list.model().indexOf(1));
    QTest::keyClick(view, Qt::Key_Delete);
    QCOMPARE(removed.count(), 1);
    QTest::keyClick(view, Qt::Key_F2);
    auto* editor = view->viewport()->findChild<QLineEdit*>();
    QVERIFY(editor != nullptr);
    editor->setText(QStringLiteral("New name"));
    // What comes meanwhile waits: the field and what is typed in it would go.
    QList<ConversationRow> later = samples::conversations();
    later.removeLast();
    const int before = list.model().rowCount();
    list.setRows(later);
    QCOMPARE(view->viewport()->findChild<QLineEdit*>(), editor);
    QCOMPARE(list.model().rowCount(), before);
    QTest::keyClick(editor, Qt::Key_Return);
    QTRY_COMPARE(renamed.count(), 1);
    QCOMPARE(renamed[0][1].toString(), QStringLiteral("New name"));
    QTRY_COMPARE(list.model().rows().size(), later.size());
    QCOMPARE(list.model().index(list.model().indexOf(1)).data().toString(), QStringLiteral("New name"));
    // Given up, too.
    list.beginRename(1);
    list.setRows(samples::conversations());
    QTRY_VERIFY(view->viewport()->findChild<QLineEdit*>());
    QTest::keyClick(view->viewport()->findChild<QLineEdit*>(), Qt::Key_Escape);
    QTRY_COMPARE(list.model().rows().size(), later.size() + 1);
    QCOMPARE(renamed.count(), 1);
}

void TestPromptLists::searchAndFilters() {
    ConversationList list(themes_);
    list.setTags({QStringLiteral("kernels")});
    list.show();
    QSignalSpy filtered(&list, &ConversationList::filterChanged);
    auto* search = list.findChild<QLineEdit*>();
    QTest::keyClicks(search, QStringLiteral("scan"));
    QVERIFY(filtered.wait(1000));
    QCOMPARE(filtered.count(), 1); // once, not for each letter
    QCOMPARE(list.filter().search, QStringLiteral("scan"));
    for (QPushButton* chip : list.findChildren<QPushButton*>()) {
        if (chip->text() == QStringLiteral("#kernels")) {
            chip->click();
        }
    }
    QCOMPARE(list.filter().tag, QStringLiteral("kernels"));
    QCOMPARE(list.filter().search, QStringLiteral("scan"));
    list.clearFilter();
    QVERIFY(list.filter() == ConversationFilter{});
}

void TestPromptLists::times() {
    const QLocale before;
    QLocale::setDefault(QLocale::c());
    const QDateTime now(QDate(2026, 11, 23), QTime(14, 7));
    QCOMPARE(shortTime(now.addSecs(-3600), now), QStringLiteral("13:07"));
    QCOMPARE(shortTime(now.addDays(-3), now), QStringLiteral("Fri"));
    QCOMPARE(shortTime(now.addDays(-21), now), QStringLiteral("2 Nov"));
    QVERIFY(shortTime(now.addYears(-1), now).contains(QStringLiteral("2025")));
    QLocale::setDefault(before);
}

void TestPromptLists::branchesDoNotOverlap() {
    BranchMap map(themes_);
    map.resize(348, 296);
    for (const int count : {7, 60}) {
        const QList<BranchNode> nodes = samples::branches(count);
        map.setNodes(nodes);
        map.fit();
        for (int i = 0; i < nodes.size(); ++i) {
            for (int j = i + 1; j < nodes.size(); ++j) {
                QVERIFY(!map.nodeRect(i).intersects(map.nodeRect(j)));
            }
        }
    }
    map.show();
    map.repaint();
}

void TestPromptLists::deepTrees() {
    QList<BranchNode> chain;
    for (int i = 1; i <= 20000; ++i) {
        BranchNode node;
        node.id = i;
        node.parent = i - 1;
        chain += node;
    }
    chain[0].parent = 1; // its own parent: must not go round in circles
    const auto places = layOutBranches(chain);
    QCOMPARE(places.back().depth, 19999);
    QCOMPARE(places.back().column, 0.0);
}

void TestPromptLists::branchKeys() {
    BranchMap map(themes_);
    map.resize(348, 296);
    map.setNodes(samples::branches());
    map.show();
    QSignalSpy preview(&map, &BranchMap::previewRequested);
    QSignalSpy open(&map, &BranchMap::openRequested);
    QSignalSpy removed(&map, &BranchMap::removeRequested);
    QCOMPARE(map.selected(), std::int64_t{6});
    QTest::keyClick(&map, Qt::Key_Up);
    QCOMPARE(map.selected(), std::int64_t{3});
    QTest::keyClick(&map, Qt::Key_Right);
    QCOMPARE(map.selected(), std::int64_t{4});
    QTest::keyClick(&map, Qt::Key_Down);
    QCOMPARE(map.selected(), std::int64_t{7});
    QTest::keyClick(&map, Qt::Key_Left);
    QCOMPARE(map.selected(), std::int64_t{6});
    QTest::keyClick(&map, Qt::Key_Return);
    QTest::keyClick(&map, Qt::Key_Delete);
    QCOMPARE(preview.count(), 4);
    QCOMPARE(open.count(), 1);
    QCOMPARE(removed.count(), 1);
    QTest::mouseClick(&map, Qt::LeftButton, {}, map.nodeRect(1).center().toPoint());
    QCOMPARE(map.selected(), std::int64_t{2});
    const double zoom = map.zoom();
    QTest::keyClick(&map, Qt::Key_Plus);
    QVERIFY(map.zoom() > zoom);
    QTest::keyClick(&map, Qt::Key_F);
    QCOMPARE(map.zoom(), zoom);
    QVERIFY(map.accessibleDescription().contains(QStringLiteral("Q1")));
}

void TestPromptLists::branchWords() {
    BranchMap map(themes_);
    map.setNodes(samples::branches());
    const QStringList lines = map.asText().split(u'\n', Qt::SkipEmptyParts);
    QCOMPARE(lines.size(), 7);
    QVERIFY(lines[0].startsWith(QStringLiteral("- system")));
    QVERIFY(lines[3].startsWith(QStringLiteral("      * Q2"))); // below A
    QCOMPARE(map.asCsv().count(u'\n'), 8);
    BranchNode node;
    node.reentry_seconds = 3.1;
    QCOMPARE(reentryText(node), QStringLiteral("replay 3.1 s"));
    node.snapshot_held = true;
    node.reentry_seconds = 0.002;
    QCOMPARE(reentryText(node), QStringLiteral("snapshot, 2 ms"));
    // What nobody has asked an engine about costs something, and nobody knows what.
    QCOMPARE(reentryText(BranchNode()), QStringLiteral("–"));
    BranchNode unknown;
    unknown.id = 7;
    unknown.label = QStringLiteral("A");
    map.setNodes({unknown});
    QVERIFY2(map.asCsv().endsWith(QStringLiteral(",,\n")), qPrintable(map.asCsv()));
}

void TestPromptLists::tokenTable() {
    TokenTableModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    const Turn turn = samples::showcase()[1];
    model.setTurn(turn);
    QCOMPARE(model.rowCount(), static_cast<int>(turn.tokens.size()));
    TokenTable table(themes_);
    table.setTurn(turn);
    table.resize(800, 400);
    table.show();
    QSignalSpy activated(&table, &TokenTable::tokenActivated);
    auto* view = table.findChild<QTableView*>();
    view->sortByColumn(TokenTableModel::kSurprise, Qt::DescendingOrder);
    const double most =
        view->model()->index(0, TokenTableModel::kSurprise).data(TokenTableModel::kSortRole).toDouble();
    for (int row = 1; row < view->model()->rowCount(); ++row) {
        QVERIFY(view->model()->index(row, TokenTableModel::kSurprise).data(TokenTableModel::kSortRole).toDouble() <=
                most);
    }
    table.findChild<QLineEdit*>()->setText(QStringLiteral("decay"));
    QVERIFY(view->model()->rowCount() > 0 && view->model()->rowCount() < 20);
    QCOMPARE(table.csv().count(u'\n'), view->model()->rowCount() + 1);
    emit view->activated(view->model()->index(0, 0));
    QCOMPARE(activated.count(), 1);
    const auto token = qvariant_cast<TokenRef>(activated[0][0]);
    QVERIFY(turn.tokens[token.index].text.contains(QStringLiteral("decay")));
}

void TestPromptLists::tokenCsv() {
    Turn turn;
    turn.position = 10;
    TokenView token;
    token.id = 5;
    token.text = QStringLiteral("a,\n");
    token.logprob = -1;
    token.rank = 2;
    turn.tokens = {token};
    TokenTableModel model;
    model.setTurn(turn);
    const QStringList lines = model.csv({}).split(QStringLiteral("\n10,"));
    QCOMPARE(lines.size(), 2);
    QVERIFY(lines[1].startsWith(QStringLiteral("\"a,\n\",5,answer,0.36787944,1.442695,2,")));
}

void TestPromptLists::transcriptForAssistiveTechnology() {
    TranscriptView view(themes_);
    view.resize(700, 500);
    view.setTurns(samples::showcase());
    view.show();
    QAccessibleInterface* list = QAccessible::queryAccessibleInterface(&view);
    QVERIFY(list != nullptr);
    QCOMPARE(list->role(), QAccessible::List);
    QCOMPARE(list->childCount(), 4);
    QAccessibleInterface* answer = list->child(1);
    QVERIFY(answer != nullptr);
    QCOMPARE(answer->text(QAccessible::Name), QStringLiteral("ember"));
    QVERIFY(answer->text(QAccessible::Value).startsWith(QStringLiteral("**The decay")));
    QVERIFY(answer->text(QAccessible::Description).contains(QStringLiteral("thought for")));
    QVERIFY(answer->textInterface()->characterCount() > 500);
    QCOMPARE(list->indexOfChild(answer), 1);
    QVERIFY(answer->rect().height() > 100);
    QSignalSpy again(&view, &TranscriptView::regenerateRequested);
    for (const QString& action : answer->actionInterface()->actionNames()) {
        if (action.startsWith(QStringLiteral("Answer again"))) {
            answer->actionInterface()->doAction(action);
        }
    }
    QCOMPARE(again.count(), 1);
    view.setTurns({});
    QVERIFY(!answer->isValid());
}

QTEST_MAIN(TestPromptLists)
#include "test_prompt_lists.moc"
