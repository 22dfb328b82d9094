// SPDX-License-Identifier: GPL-3.0-or-later
// What is done to single runs, from the keyboard and through the actions that menus and palette have: names, tags,
// notes, looks, grouping, comparing, deleting, and taking each back.
#include "core/store/runs/run_reader.h"
#include "tests/ui/train_window.h"
#include "ui/base/notices.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"
#include "ui/train/difference_panel.h"
#include "ui/train/remote_runs.h"
#include "ui/train/run_edits.h"
#include "ui/train/run_list.h"
#include "ui/train/run_look.h"

#include <QApplication>
#include <QDir>
#include <QFileInfo>
#include <QInputDialog>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QPlainTextEdit>
#include <QTableWidget>
#include <QTimer>

using namespace fulgurite;
using test::TrainWindow;

namespace {

// Types into the dialog that comes up next, and accepts it.
template <class Field>
void answerNextDialog(const QString& text) {
    auto* timer = new QTimer(qApp);
    QObject::connect(timer, &QTimer::timeout, qApp, [timer, text] {
        QWidget* dialog = QApplication::activeModalWidget();
        if (dialog == nullptr) {
            return; // not there yet
        }
        timer->stop();
        timer->deleteLater();
        auto* field = dialog->findChild<Field*>();
        QVERIFY(field != nullptr);
        field->selectAll();
        QTest::keyClicks(field, text);
        static_cast<QDialog*>(dialog)->accept();
    });
    timer->start(20);
}

} // namespace

class TestTrainRuns : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<TrainWindow> window_;

    TrainPage& page() { return window_->page(); }
    RunListView& list() { return page().list(); }
    const RunInfo* named(const QString& name) {
        for (const RunInfo& run : *page().feed().runs()) {
            if (run.name == name) {
                return &run;
            }
        }
        return nullptr;
    }
    void choose(const QString& name) {
        list().setCurrentIndex(list().list().indexOfRun(named(name)->id));
        QCOMPARE(list().currentRun()->name, name);
    }
    QString ownFile() const {
        return window_->desktop.context().paths.data + QStringLiteral("/engine/runs.fulgurite");
    }
    // As the Nodes page does for a run of the node "far".
    void ask(const QString& uuid) {
        window_->desktop.context().handoff.post(RunWish{0, QStringLiteral("far"), uuid});
        window_->desktop.window().showPage(QStringLiteral("nodes"));
        window_->desktop.window().showPage(QStringLiteral("train"));
    }
    bool run(const char* action) { return window_->desktop.context().actions.run(QLatin1String(action)); }

  private slots:
    void init() {
        window_ = std::make_unique<TrainWindow>();
        window_->write({.name = "a", .algo = "cispo", .seed = 0});
        window_->write({.name = "b", .algo = "dapo", .seed = 1});
        window_->write({.name = "c", .algo = "dapo", .seed = 2});
        window_->open();
        list().setFocus();
    }
    void cleanup() { window_.reset(); }

    void namesTagsAndNotesAreChangedAndTakenBack() {
        choose(QStringLiteral("b"));
        const qint64 id = list().currentRun()->id;
        answerNextDialog<QLineEdit>(QStringLiteral("better"));
        QTest::keyClick(&list(), Qt::Key_F2);
        QTRY_COMPARE(page().feed().run(id)->name, QStringLiteral("better"));
        answerNextDialog<QLineEdit>(QStringLiteral("for report, kept"));
        QTest::keyClick(&list(), Qt::Key_T);
        QTRY_COMPARE(page().feed().run(id)->tags,
                     (QStringList{QStringLiteral("for report"), QStringLiteral("kept")}));
        answerNextDialog<QPlainTextEdit>(QStringLiteral("rate halved at 40"));
        QTest::keyClick(&list(), Qt::Key_N);
        QTRY_COMPARE(page().feed().run(id)->notes, QStringLiteral("rate halved at 40"));
        QCOMPARE(RunReader(window_->file).run(id).name, "better");

        QVERIFY(run("train.undo"));
        QTRY_COMPARE(page().feed().run(id)->notes, QString());
        QVERIFY(run("train.undo"));
        QTRY_COMPARE(page().feed().run(id)->tags, QStringList());
        QVERIFY(run("train.undo"));
        QTRY_COMPARE(page().feed().run(id)->name, QStringLiteral("b"));
        QVERIFY(!run("train.undo")); // nothing more
        QVERIFY(run("train.redo"));
        QTRY_COMPARE(page().feed().run(id)->name, QStringLiteral("better"));
    }

    void aDeletedRunComesBackUntilTheFileIsClosed() {
        choose(QStringLiteral("b"));
        const qint64 b = list().currentRun()->id;
        QTest::keyClick(&list(), Qt::Key_Delete);
        QCOMPARE(page().board().matching().size(), std::size_t(2));
        QVERIFY(!list().list().indexOfRun(b).isValid());
        QCOMPARE(RunReader(window_->file).runs().size(), std::size_t(3)); // still there
        QVERIFY(run("train.undo"));
        QCOMPARE(page().board().matching().size(), std::size_t(3));
        page().removeRuns({b, named(QStringLiteral("c"))->id});
        QCOMPARE(page().board().matching().size(), std::size_t(1));
    }

    void whatWasDeletedGoesWhenTheFileIsClosed() {
        const std::filesystem::path file = window_->file;
        page().removeRuns({named(QStringLiteral("b"))->id});
        const std::filesystem::path other =
            (window_->folder.path() + QStringLiteral("/other.fulgurite")).toStdString();
        test::beginRun(other, {.name = "z"})->finish(RunStatus::Finished);
        page().openFile(QString::fromStdString(other.string()));
        QTRY_COMPARE(RunReader(file).runs().size(), std::size_t(2));
        QVERIFY(!page().edits().undo().canUndo());
    }

    void aRunThatIsWrittenIsNotDeleted() {
        auto live = test::beginRun(window_->file, {.name = "live"});
        test::writeSteps(*live, {}, 0, 5);
        live->flush();
        QTRY_VERIFY(named(QStringLiteral("live")) != nullptr);
        page().removeRuns({named(QStringLiteral("live"))->id});
        QCOMPARE(page().board().matching().size(), std::size_t(4));
        const QList<Notice>& notices = window_->desktop.context().notices.all();
        QVERIFY(std::any_of(notices.begin(), notices.end(), [](const Notice& notice) {
            return notice.text.contains(QStringLiteral("being written"));
        }));
    }

    // The copy of another node's run may never come: meanwhile everything else can be looked at.
    void aCopyThatDoesNotComeHoldsNoFile() {
        const QString own = ownFile();
        QVERIFY(QDir().mkpath(QFileInfo(own).path()));
        test::beginRun(own.toStdString(), {.name = "mine"})->finish(RunStatus::Finished);
        ask(QStringLiteral("a run that is nowhere"));
        QCOMPARE(page().feed().file(), own);
        QTRY_VERIFY(named(QStringLiteral("mine")) != nullptr);

        const QString other = QString::fromStdString(window_->file.string());
        page().openFile(other);
        QTRY_VERIFY(named(QStringLiteral("b")) != nullptr);
        window_->settle();
        QCOMPARE(page().feed().file(), other);
        window_->write({.name = "d"}); // what comes into it changes nothing
        QTRY_VERIFY(named(QStringLiteral("d")) != nullptr);
        QCOMPARE(page().feed().file(), other);
    }

    // Where there is no file of one's own yet, the first copy makes it.
    void aCopyThatComesLaterIsShown() {
        const QString own = ownFile();
        QVERIFY(!QFileInfo::exists(own));
        const std::filesystem::path far = (window_->folder.path() + QStringLiteral("/far.fulgurite")).toStdString();
        test::beginRun(far, {.name = "copied"})->finish(RunStatus::Finished);
        ask(QString::fromStdString(RunReader(far).runs().front().uuid));
        QCOMPARE(page().feed().file(), QString::fromStdString(window_->file.string()));
        QVERIFY(QDir().mkpath(QFileInfo(own).path()));
        std::filesystem::copy_file(far, own.toStdString());
        emit page().remote().came(QStringLiteral("far"));
        QTRY_COMPARE(page().feed().file(), own);
        QTRY_VERIFY(page().feed().run(page().board().current()) != nullptr);
        QCOMPARE(page().feed().run(page().board().current())->name, QStringLiteral("copied"));
    }

    // Who stops the copying does not wait for the run any more.
    void aCopyThatIsStoppedIsNotAwaited() {
        ask(QStringLiteral("a run that is nowhere"));
        QVERIFY(page().remote().followed().contains(QStringLiteral("far")));
        for (const Notice& notice : window_->desktop.context().notices.all()) {
            if (notice.id == QStringLiteral("train-remote")) {
                QCOMPARE(notice.actions.size(), 1);
                const auto stop = notice.actions.first().run;
                stop();
                break;
            }
        }
        QVERIFY(!page().remote().followed().contains(QStringLiteral("far")));
        const QString own = ownFile();
        QVERIFY(QDir().mkpath(QFileInfo(own).path()));
        test::beginRun(own.toStdString(), {.name = "mine"})->finish(RunStatus::Finished);
        window_->write({.name = "d"});
        QTRY_VERIFY(named(QStringLiteral("d")) != nullptr);
        QCOMPARE(page().feed().file(), QString::fromStdString(window_->file.string()));
    }

    void runsAreComparedAndGroupedByAnyField() {
        page().board().select({named(QStringLiteral("a"))->id, named(QStringLiteral("b"))->id});
        QTest::keyClick(&list(), Qt::Key_D);
        QCOMPARE(page().board().drawnRuns().size(), std::size_t(2));
        QCOMPARE(page().differences().differences().differing.size(), std::size_t(2)); // loss and seed
        QVERIFY(page().differences().table().hasFocus());

        answerNextDialog<QLineEdit>(QStringLiteral("objective.loss"));
        list().setFocus();
        QTest::keyClick(&list(), Qt::Key_G);
        QCOMPARE(page().board().groupField(), QStringLiteral("objective.loss"));
        QCOMPARE(page().board().groups().size(), std::size_t(2));

        QTableWidget& table = page().differences().table();
        page().board().setGroupField({});
        table.setFocus();
        table.setCurrentCell(0, 0);
        QTest::keyClick(&table, Qt::Key_Return);
        QCOMPARE(page().board().groupField(), page().differences().differences().differing[0].field);
    }

    void fieldsThatTellRunsApartAreKnown() {
        RunInfo a;
        a.config = {{QStringLiteral("same"), QStringLiteral("1")},
                    {QStringLiteral("other"), QStringLiteral("1")},
                    {QStringLiteral("only a"), QStringLiteral("1")}};
        RunInfo b;
        b.config = {{QStringLiteral("same"), QStringLiteral("1")}, {QStringLiteral("other"), QStringLiteral("2")}};
        QCOMPARE(differingFields({&a, &b}), (QStringList{QStringLiteral("only a"), QStringLiteral("other")}));
        QCOMPARE(differingFields({&a}), QStringList());
    }

    void aLookIsChosenFromTheKeyboardAndTakenBack() {
        choose(QStringLiteral("a"));
        const qint64 a = list().currentRun()->id;
        const int before = page().board().groupOf(a)->look;
        QTimer::singleShot(50, qApp, [] {
            auto* menu = qobject_cast<QMenu*>(QApplication::activePopupWidget());
            QVERIFY(menu != nullptr);
            for (int i = 0; i < 4; ++i) {
                QTest::keyClick(menu, Qt::Key_Down);
            }
            QTest::keyClick(menu, Qt::Key_Return);
        });
        QTest::keyClick(&list(), Qt::Key_C);
        QCOMPARE(page().board().groupOf(a)->look, 4);
        QVERIFY(run("train.undo"));
        QCOMPARE(page().board().groupOf(a)->look, before);
    }

    // Everything that the list's menu has is an action, which the palette finds and a key can be given to.
    void actionsSayWhyTheyAreNot() {
        page().board().select({});
        choose(QStringLiteral("a"));
        ActionRegistry& actions = window_->desktop.context().actions;
        for (const char* id :
             {"train.rename", "train.tags", "train.notes", "train.colour", "train.group", "train.delete"}) {
            QVERIFY2(actions.action(QLatin1String(id))->isEnabled(), id);
        }
        QVERIFY(!actions.action(QStringLiteral("train.compare"))->isEnabled());
        QVERIFY(actions.reason(QStringLiteral("train.compare")).contains(QStringLiteral("two runs")));
        QVERIFY(!actions.action(QStringLiteral("train.run_stop"))->isEnabled());
        QVERIFY(actions.reason(QStringLiteral("train.run_stop")).contains(QStringLiteral("no training job")));
    }
};

QTEST_MAIN(TestTrainRuns)
#include "test_train_runs.moc"
