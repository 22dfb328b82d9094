// SPDX-License-Identifier: GPL-3.0-or-later
// The shell: palette, actions and their shortcuts, settings, session, crash marker, and that every control can be
// named and reached.
#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/command_match.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"
#include "ui/shell/run_marker.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSlider>
#include <QAbstractSpinBox>
#include <QAccessible>
#include <QComboBox>
#include <QDockWidget>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLineEdit>
#include <QListWidget>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QTemporaryDir>
#include <QTest>
#include <QTextBlock>
#include <QTextBrowser>
#include <QTextEdit>

using namespace fulgurite;

class TestShell : public QObject {
    Q_OBJECT

  private slots:
    void wordStartsBeatScatteredLetters();
    void matchMarksTheLetters();
    void noMatchIsNone();
    void paletteRanksAndExplains();
    void paletteOpensQuickly();
    void paletteRunsAndReturnsFocus();
    void shortcutConflictsAreFound();
    void reboundShortcutsPersist();
    void settingsPersistAndCheck();
    void crashIsNoticedOnce();
    void secondWindowIsRefused();
    void filesOpenOnTheirPages();
    void theManualOpensWhereOneIs();
    void sessionComesBack();
    void layoutsHaveNames();
    void everyControlHasNameAndKeyboard();
    void menusHoldEveryAction();
};

namespace {

// A desktop without an engine in a folder of its own.
struct Fixture {
    QTemporaryDir folder;
    std::unique_ptr<Desktop> desktop;

    Fixture() { open(); }
    void open() {
        desktop =
            std::make_unique<Desktop>(DesktopOptions{.workspace = folder.path(), .open = {}, .with_engine = false});
        desktop->show();
        (void)QTest::qWaitForWindowActive(&desktop->window());
    }
    MainWindow& window() { return desktop->window(); }
    ActionRegistry& actions() { return desktop->context().actions; }
    CommandPalette& palette() { return window().palette(); }
};

QStringList titles(const PaletteModel& model) {
    QStringList result;
    for (int row = 0; row < model.rowCount(); ++row)
        result << model.data(model.index(row, 0), Qt::DisplayRole).toString();
    return result;
}

bool interactive(const QWidget* widget) {
    if (qobject_cast<const QAbstractItemView*>(widget) || qobject_cast<const QPlainTextEdit*>(widget) ||
        qobject_cast<const QTextEdit*>(widget))
        return widget->focusPolicy() != Qt::NoFocus;
    // Parts of another control: the line inside a spin box, the button that clears a field.
    for (const QWidget* parent = widget->parentWidget(); parent; parent = parent->parentWidget()) {
        if (qobject_cast<const QLineEdit*>(parent) || qobject_cast<const QAbstractSpinBox*>(parent) ||
            qobject_cast<const QComboBox*>(parent) || parent->inherits("QHeaderView") ||
            parent->inherits("QKeySequenceEdit") || parent->inherits("QAbstractItemView") ||
            parent->inherits("QMenuBar") || parent->inherits("QTabBar"))
            return false;
    }
    return qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
           qobject_cast<const QComboBox*>(widget) || qobject_cast<const QAbstractSpinBox*>(widget) ||
           (qobject_cast<const QAbstractSlider*>(widget) && !widget->inherits("QScrollBar"));
}

QString describe(const QWidget* widget) {
    QString path;
    for (; widget; widget = widget->parentWidget())
        path += QStringLiteral("%1(%2) < ").arg(widget->metaObject()->className(), widget->objectName());
    return path;
}

} // namespace

void TestShell::wordStartsBeatScatteredLetters() {
    const auto starts = matchCommand("opc", "Open checkpoint...");
    const auto inside = matchCommand("opc", "Group the columns back");
    QVERIFY(starts && inside);
    QVERIFY(starts->score > inside->score);
}

void TestShell::matchMarksTheLetters() {
    const auto match = matchCommand("opc", "Open checkpoint...");
    QVERIFY(match);
    QCOMPARE(match->positions, (QList<int>{0, 1, 5}));
}

void TestShell::noMatchIsNone() {
    QVERIFY(!matchCommand("xyz", "Open checkpoint..."));
    QVERIFY(matchCommand("", "Open checkpoint..."));
    QVERIFY(!matchCommand("checkpointz", "checkpoint"));
}

void TestShell::paletteRanksAndExplains() {
    Fixture fixture;
    auto* where = &fixture.window();
    auto add = [&](const char* id, const char* title) {
        fixture.actions().add({.id = id, .title = title, .category = "View"}, where, [] {});
    };
    add("a.long", "Zebra quick listing of everything");
    add("a.short", "Zebra quick list");
    add("a.off", "Zebra quick");
    fixture.actions().setEnabled("a.off", false, "no zebra yet");
    PaletteModel model(fixture.actions());
    model.setQuery("zq");
    QCOMPARE(titles(model), (QStringList{"Zebra quick list", "Zebra quick listing of everything", "Zebra quick"}));
    QCOMPARE(model.data(model.index(2, 0), PaletteModel::NoteRole).toString(), QString("no zebra yet"));
    fixture.actions().run("a.long"); // used: now before the shorter one
    model.setQuery("zq");
    QCOMPARE(titles(model).first(), QString("Zebra quick listing of everything"));
    fixture.actions().addPaletteSource({'@', "zebra", [](const QString& query) {
                                            return QList<PaletteItem>{{"Found " + query, "", "", [] {}}};
                                        }});
    model.setQuery("@ stripes");
    QCOMPARE(titles(model), QStringList{"Found stripes"});
}

void TestShell::paletteOpensQuickly() {
    Fixture fixture;
    for (int i = 0; i < 300; ++i)
        fixture.actions().add({.id = QString("many.%1").arg(i),
                               .title = QString("Do the thing number %1").arg(i),
                               .category = "View"},
                              &fixture.window(), [] {});
    double best = 1e9; // the machine may be busy: the best of a few opens is what the code costs
    for (int i = 0; i < 10; ++i) {
        fixture.palette().open();
        best = std::min(best, fixture.palette().openMilliseconds());
        fixture.palette().close();
    }
    qInfo("palette with %d actions opens in %.1f ms", fixture.palette().model().total(), best);
    QVERIFY(best < 50);
}

void TestShell::paletteRunsAndReturnsFocus() {
    Fixture fixture;
    int ran = 0;
    fixture.actions().add({.id = "x.run", .title = "Xylophone", .category = "View"}, &fixture.window(),
                          [&ran] { ++ran; });
    fixture.palette().open();
    QTest::keyClicks(QApplication::focusWidget(), "xylo");
    QTest::keyClick(QApplication::focusWidget(), Qt::Key_Return);
    QCOMPARE(ran, 1);
    QVERIFY(!fixture.palette().isVisible());
    fixture.palette().open();
    QTest::keyClick(QApplication::focusWidget(), Qt::Key_Escape);
    QVERIFY(!fixture.palette().isVisible());
}

void TestShell::shortcutConflictsAreFound() {
    Fixture fixture;
    ActionRegistry& actions = fixture.actions();
    QCOMPARE(actions.conflict("view.larger", QKeySequence("Ctrl+Q")), QString("file.quit"));
    QVERIFY(!actions.rebind("view.larger", QKeySequence("Ctrl+Q")));
    QCOMPARE(actions.action("view.larger")->shortcut(), QKeySequence("Ctrl++"));
    // Actions of two pages are never in reach at the same time.
    actions.add({.id = "one.a", .title = "A", .category = "View", .shortcut = QKeySequence("F7"), .page = "one"},
                &fixture.window(), [] {});
    actions.add({.id = "two.b", .title = "B", .category = "View", .page = "two"}, &fixture.window(), [] {});
    QVERIFY(actions.conflict("two.b", QKeySequence("F7")).isEmpty());
    // No two actions of the program start with the same keys.
    for (const QString& id : actions.ids())
        QVERIFY2(actions.conflict(id, actions.action(id)->shortcut()).isEmpty(),
                 qPrintable(id + " and " + actions.conflict(id, actions.action(id)->shortcut())));
}

void TestShell::reboundShortcutsPersist() {
    Fixture fixture;
    QVERIFY(fixture.actions().rebind("view.full_screen", QKeySequence("Ctrl+Alt+Shift+F")));
    fixture.desktop.reset();
    fixture.open();
    QCOMPARE(fixture.actions().action("view.full_screen")->shortcut(), QKeySequence("Ctrl+Alt+Shift+F"));
    fixture.actions().resetShortcut("view.full_screen");
    QCOMPARE(fixture.actions().action("view.full_screen")->shortcut(), QKeySequence("F11"));
}

void TestShell::settingsPersistAndCheck() {
    QTemporaryDir folder;
    const QString file = folder.filePath("settings.ini");
    {
        Settings settings(file);
        QCOMPARE(settings.value(keys::kTheme).toString(), QString("system"));
        settings.set(keys::kTheme, "light");
        settings.set(keys::kThreads, 3);
    }
    Settings settings(file);
    QCOMPARE(settings.value(keys::kTheme).toString(), QString("light"));
    QCOMPARE(settings.value(keys::kThreads).toInt(), 3);
    settings.reset(keys::kTheme);
    QVERIFY(settings.isDefault(keys::kTheme));
    // What a person wrote into the file by hand may be wrong.
    QSettings raw(file, QSettings::IniFormat);
    raw.setValue(keys::kThreads, "many");
    raw.setValue(keys::kFontScale, 99999);
    raw.setValue(keys::kTheme, "plaid");
    raw.sync();
    Settings again(file);
    QCOMPARE(again.value(keys::kThreads).toInt(), 0);
    QCOMPARE(again.value(keys::kFontScale).toInt(), 100);
    QCOMPARE(again.value(keys::kTheme).toString(), QString("system"));
}

void TestShell::crashIsNoticedOnce() {
    QTemporaryDir folder;
    {
        RunMarker clean(folder.path());
        QVERIFY(!clean.crashedRun());
    }
    {
        RunMarker clean(folder.path());
        QVERIFY(!clean.crashedRun());
    }
    // What a killed process leaves behind.
    QFile left(folder.filePath("running.json"));
    QVERIFY(left.open(QIODevice::WriteOnly));
    left.write(R"({"pid": 1, "started": "2026-11-01T10:20:30"})");
    left.close();
    {
        RunMarker after(folder.path());
        QVERIFY(after.crashedRun());
        QCOMPARE(after.crashedRun()->date(), QDate(2026, 11, 1));
    }
    RunMarker next(folder.path());
    QVERIFY(!next.crashedRun());
}

void TestShell::secondWindowIsRefused() {
    QTemporaryDir folder;
    RunMarker first(folder.path());
    RunMarker second(folder.path());
    QVERIFY(first.acquired());
    QVERIFY(!second.acquired());
    QCOMPARE(second.owner(), QCoreApplication::applicationPid());
}

// What a file manager hands over: a capture, a file of runs, or a folder.
void TestShell::filesOpenOnTheirPages() {
    Fixture fixture;
    MainWindow& window = fixture.window();
    window.showPage("settings");
    window.open(fixture.folder.filePath("none.fcap"));
    QCOMPARE(window.currentPage()->id(), QString("inspect"));
    const Notices& notices = fixture.desktop->context().notices;
    QTRY_VERIFY(!notices.all().isEmpty()); // there is no such capture, and the page says so
    const QString runs = fixture.folder.filePath("runs.fulgurite");
    QVERIFY(QFile::copy(
        QString::fromLocal8Bit(qgetenv("FULGURITE_SOURCE_DIR")) + "/resources/runs/sample.fulgurite", runs));
    window.bringToFront(runs);
    QCOMPARE(window.currentPage()->id(), QString("train"));
    QVERIFY(window.pageFor(fixture.folder.path()).isEmpty());
}

void TestShell::theManualOpensWhereOneIs() {
    Fixture fixture;
    MainWindow& window = fixture.window();
    const auto shown = [&] {
        auto* text = window.currentPage()->findChild<QTextBrowser*>();
        return text ? text->document()->begin().text() : QString();
    };
    for (const auto& [page, title] : {std::pair{"prompt", "Prompting"}, {"inspect", "Inspecting"}, {"train", "Watching"},
                                      {"cascade", "Searching images"}, {"retrieve", "Retriev"}, {"nodes", "Nodes"}}) {
        window.showPage(page);
        QVERIFY(fixture.actions().run("help.manual"));
        QCOMPARE(window.currentPage()->id(), QString("manual"));
        QVERIFY2(shown().startsWith(title), qPrintable(shown()));
    }
    auto* text = window.currentPage()->findChild<QTextBrowser*>();
    auto* chapters = window.currentPage()->findChild<QListWidget*>();
    QVERIFY(chapters->currentItem() && chapters->currentItem()->text() == shown());
    // A file beside the chapters, at a heading of it; no chapter is that file.
    emit text->anchorClicked(QUrl("../protocol.md#errors"));
    QCOMPARE(text->textCursor().block().text(), QString("Errors"));
    QVERIFY(!chapters->currentItem());
    emit text->anchorClicked(QUrl("user/serving.md"));
    QCOMPARE(chapters->currentItem()->text(), shown());
    // What is not there is told.
    emit text->anchorClicked(QUrl("nowhere.md"));
    QVERIFY(fixture.desktop->context().notices.all().last().text.contains("nowhere.md"));
}

void TestShell::sessionComesBack() {
    Fixture fixture;
    const QSize size(781, 555); // the off-screen platform has 800 x 800, and newer Qt stays on it
    fixture.window().resize(size);
    fixture.window().showPage("settings");
    fixture.window().saveSession();
    fixture.desktop.reset();
    fixture.open();
    QCOMPARE(fixture.window().size(), size);
    QCOMPARE(fixture.window().currentPage()->id(), QString("settings"));
    // A layout of another version is left aside, not half applied.
    fixture.desktop.reset();
    QFile file(fixture.folder.filePath("state/session.json"));
    QVERIFY(file.open(QIODevice::ReadWrite));
    QJsonObject session = QJsonDocument::fromJson(file.readAll()).object();
    session["version"] = 9999;
    QVERIFY(file.resize(0) && file.seek(0));
    file.write(QJsonDocument(session).toJson());
    file.close();
    fixture.open();
    QVERIFY(fixture.window().currentPage());
}

void TestShell::layoutsHaveNames() {
    Fixture fixture;
    fixture.window().showPage("prompt");
    Page& prompt = *fixture.window().currentPage();
    auto* panel = prompt.findChild<QDockWidget*>();
    QVERIFY(panel);
    panel->show();
    QVERIFY(fixture.window().saveLayout("both columns"));
    panel->hide();
    QVERIFY(fixture.window().saveLayout("reading"));
    panel->show();
    fixture.window().showPage("settings");
    QVERIFY(fixture.actions().run("view.layout.reading"));
    QVERIFY(fixture.window().currentPage() == &prompt);
    QVERIFY(panel->isHidden());
    QVERIFY(fixture.window().openLayout("both columns"));
    QVERIFY(!panel->isHidden());
    QVERIFY(!fixture.window().openLayout("unknown"));
    // They are in the palette, and there in the next run.
    fixture.palette().open("layout reading");
    QCOMPARE(titles(fixture.palette().model()).value(0), QString("Open layout “reading”"));
    fixture.desktop.reset();
    fixture.open();
    QCOMPARE(fixture.window().layoutNames(), QStringList({"both columns", "reading"}));
    QVERIFY(fixture.actions().run("view.layout.reading"));
    QVERIFY(fixture.window().page("prompt")->findChild<QDockWidget*>()->isHidden());
    fixture.window().deleteLayout("reading");
    QVERIFY(!fixture.actions().run("view.layout.reading"));
    QCOMPARE(fixture.window().layoutNames(), QStringList({"both columns"}));
}

void TestShell::everyControlHasNameAndKeyboard() {
    Fixture fixture;
    fixture.desktop->context().notices.post({.id = "n",
                                             .severity = Severity::Error,
                                             .text = "Something failed",
                                             .details = "log",
                                             .actions = {{"Try", [] {}}}});
    QStringList nameless;
    QStringList unreachable;
    for (const QString& page : fixture.window().pageIds()) {
        fixture.window().showPage(page);
        for (const QWidget* widget : fixture.window().findChildren<QWidget*>()) {
            if (!widget->isVisibleTo(&fixture.window()) || !interactive(widget))
                continue;
            QAccessibleInterface* accessible = QAccessible::queryAccessibleInterface(const_cast<QWidget*>(widget));
            if (!accessible || accessible->text(QAccessible::Name).trimmed().isEmpty())
                nameless << describe(widget);
            if (!(widget->focusPolicy() & Qt::TabFocus))
                unreachable << describe(widget);
        }
    }
    QVERIFY2(nameless.isEmpty(), qPrintable("without a name:\n" + nameless.join('\n')));
    QVERIFY2(unreachable.isEmpty(), qPrintable("not reached by Tab:\n" + unreachable.join('\n')));
}

void TestShell::menusHoldEveryAction() {
    Fixture fixture;
    QSet<QString> held;
    for (QAction* menu : fixture.window().menuBar()->actions()) {
        emit menu->menu()->aboutToShow();
        for (const QAction* action : menu->menu()->actions())
            held << action->objectName();
    }
    for (const QString& id : fixture.actions().ids())
        QVERIFY2(held.contains(id), qPrintable(id + " is in no menu"));
}

QTEST_MAIN(TestShell)
#include "test_shell.moc"
