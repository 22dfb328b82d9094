// SPDX-License-Identifier: GPL-3.0-or-later
// The Nodes page, with what it gets from the shell.
#include "core/client/retrieval_client.h"
#include "tests/ui/collection_node.h"
#include "tests/ui/foreign_script.h"
#include "tests/ui/random_model.h"
#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/nodes/ability_table.h"
#include "ui/nodes/certificate_notice.h"
#include "ui/nodes/connect_panel.h"
#include "ui/nodes/job_curves.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/node_models.h"
#include "ui/nodes/node_view.h"
#include "ui/pages/nodes_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"
#include "ui/shell/status_model.h"

#include <QComboBox>
#include <QHeaderView>
#include <QJsonArray>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTabBar>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <future>

using namespace fulgurite;

namespace {

constexpr int kPatience = 60000;

NodeEntry entryOf(const QString& name, const QString& address) {
    NodeEntry entry;
    entry.name = name;
    entry.address = address;
    return entry;
}

struct Bench {
    explicit Bench(const QString& folder)
        : paths(Paths::inside(folder)),
          settings(folder + "/settings.ini"),
          actions(settings, themes),
          engine(settings, paths),
          link(engine),
          hub(link, engine, folder),
          page(std::make_unique<NodesPage>(
              ShellContext{themes, settings, actions, notices, status, engine, link, handoff, paths})) {
        page->resize(1300, 800);
        page->show();
        page->activated();
    }

    Paths paths;
    Settings settings;
    ThemeManager themes;
    Notices notices;
    StatusModel status;
    ActionRegistry actions;
    LocalEngine engine;
    EngineLink link;
    NodeHub hub;
    Handoff handoff;
    std::unique_ptr<NodesPage> page;
};

} // namespace

class TestNodesPage : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<Bench> bench_;

    NodesPage& page() { return *bench_->page; }
    NodeHub& hub() { return bench_->hub; }
    void openPage() { bench_ = std::make_unique<Bench>(folder_->path()); }
    QString cell(const QString& what, int column) {
        const QAbstractItemModel* model = nullptr;
        for (const QTableView* each : page().view().findChildren<QTableView*>()) {
            if (each->accessibleName() == "What each node can do") {
                model = each->model();
            }
        }
        for (int row = 0; row < model->rowCount(); ++row) {
            if (model->index(row, 0).data().toString() == what) {
                return model->index(row, column).data().toString();
            }
        }
        return {};
    }

    QPushButton* button(const QString& name) {
        for (QPushButton* each : page().view().models().findChildren<QPushButton*>()) {
            if (each->accessibleName() == name) {
                return each;
            }
        }
        return nullptr;
    }

  private slots:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }
    void cleanup() { bench_.reset(); }

    void aForeignServerIsAddedAndItsLimitsAreTold() {
        ScriptedServer server(test::foreignScript);
        openPage();
        page().connectPanel().beginNew();
        page().connectPanel().setAddress(QStringLiteral("127.0.0.1:%1/v1").arg(server.port()));
        QVERIFY(page().connectPanel().test());
        QSignalSpy done(&page().connectPanel(), &ConnectPanel::done);
        for (QPushButton* each : page().connectPanel().findChildren<QPushButton*>()) {
            if (each->text() == "Connect") {
                each->click();
            }
        }
        QCOMPARE(done.count(), 1);
        const QString id = done.first().first().toString();
        QCOMPARE(page().view().node(), id);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        QCOMPARE(serverText(hub().link(id)), QString("vLLM 0.23.0"));
        QTRY_COMPARE(cell("chat", 2), QString("●"));
        QCOMPARE(cell("heads, experts and attention", 2), QString("–"));
        QVERIFY(cell("heads, experts and attention", 3).contains("does not expose"));
        QVERIFY(!page().view().findChildren<QPushButton*>()[2]->isEnabled()); // Load model...

        // Prompting it is asked of the Prompt page.
        QTest::keyClick(&page().list(), Qt::Key_Return);
        const auto wish = bench_->handoff.takeNode();
        QVERIFY(wish && wish->node == id);
        hub().use(id);
        QVERIFY(bench_->link.whyNot("continue").contains("vLLM takes text"));
        QVERIFY(bench_->link.whyNot("completions").contains("does not complete raw text"));
        QVERIFY(bench_->link.whyNot("chat").isEmpty());
    }

    void removingIsUndone() {
        openPage();
        const QString id = hub().add(entryOf("away", "http://127.0.0.1:9"), {});
        page().list().setCurrent(id);
        QTest::keyClick(&page().list(), Qt::Key_Delete);
        QVERIFY(!hub().book().find(id));
        QCOMPARE(page().view().node(), kLocalNode);
        QVERIFY(bench_->actions.run("nodes.undo"));
        QVERIFY(hub().book().find(id));
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Waiting, kPatience);
        QVERIFY2(hub().link(id).message().contains("nothing listens"), qPrintable(hub().link(id).message()));
        QTest::keyClick(&page().list(), Qt::Key_Up, Qt::AltModifier); // reorders
        page().list().setCurrent(id);
        QTest::keyClick(&page().list(), Qt::Key_Up, Qt::AltModifier);
        QCOMPARE(hub().book().entries().first().id, id);
    }

    // As every other field of the form does.
    void enterInTheMachineBehindATunnelConnects() {
        QFile ssh(folder_->filePath("ssh"));
        QVERIFY(ssh.open(QIODevice::WriteOnly));
        ssh.write("#!/bin/sh\nexit 255\n");
        ssh.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        ssh.close();
        qputenv("FULGURITE_SSH", ssh.fileName().toLocal8Bit());
        openPage();
        ConnectPanel& panel = page().connectPanel();
        panel.beginNew();
        panel.findChild<QTabBar*>()->setCurrentIndex(0);
        panel.findChild<QComboBox*>()->setCurrentText("gate");
        QLineEdit* behind = nullptr;
        for (QLineEdit* each : panel.findChildren<QLineEdit*>()) {
            behind = each->accessibleName().startsWith("Machine behind it") ? each : behind;
        }
        QVERIFY(behind);
        behind->setText("https://compute-7");
        QSignalSpy done(&panel, &ConnectPanel::done);
        QTest::keyClick(behind, Qt::Key_Return);
        QCOMPARE(done.count(), 1);
        const NodeEntry* entry = hub().book().find(done.first().first().toString());
        QVERIFY(entry);
        QCOMPARE(entry->ssh_host, QString("gate"));
        QVERIFY2(entry->address.startsWith("https://compute-7:"), qPrintable(entry->address));
        qunsetenv("FULGURITE_SSH");
    }

    // Tab goes from one thing to the next and is never caught in a table.
    void tabLeavesEveryTable() {
        openPage();
        for (const QTableView* each : page().findChildren<QTableView*>()) {
            QVERIFY2(!each->tabKeyNavigation(), qPrintable(each->accessibleName()));
        }
    }

    void everythingInteractiveHasAName() {
        openPage();
        for (QWidget* each : page().findChildren<QWidget*>()) {
            const bool interactive = qobject_cast<QPushButton*>(each) || qobject_cast<QLineEdit*>(each) ||
                                     qobject_cast<QComboBox*>(each) || qobject_cast<QAbstractItemView*>(each);
            const bool part = qobject_cast<QComboBox*>(each->parentWidget()) || each->inherits("QHeaderView") ||
                              each->objectName().startsWith("qt_");
            if (interactive && !part && !each->isHidden() && each->parentWidget() &&
                !each->parentWidget()->inherits("QComboBoxPrivateContainer")) {
                const auto* button = qobject_cast<const QPushButton*>(each);
                QVERIFY2(!each->accessibleName().isEmpty(),
                         qPrintable(QStringLiteral("%1 \"%2\" in %3")
                                        .arg(each->metaObject()->className(), button ? button->text() : QString(),
                                             each->parentWidget()->metaObject()->className())));
            }
        }
    }

    void aNodeOfOurOwnTellsHowItFares() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        const QString model = folder_->filePath("model");
        QVERIFY(test::makeRandomModel(model));
        test::ServedModel node(model);
        openPage();
        const QString id = hub().add(entryOf("ours", QStringLiteral("http://127.0.0.1:%1").arg(node.port())), {});
        page().list().setCurrent(id);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(page().view().watch().report(), kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(QString::fromStdString(page().view().watch().report()->model_state),
                                  QString("ready"), kPatience);
        const client::NodeReport& report = *page().view().watch().report();
        QVERIFY(report.cores > 0 && report.memory_total > 0 && report.process_bytes > 0);
        QVERIFY(!report.gpus.empty() || !report.gpu_problem.empty());
        QTRY_VERIFY_WITH_TIMEOUT(hub().activity(id).points.size() >= 2, kPatience);
    }

    // From the list of the node's own folders, with the keyboard alone.
    void anotherModelIsLoadedOnANodeAndUnloaded() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        QVERIFY(test::makeRandomModel(folder_->filePath("first")));
        QVERIFY(QDir().mkpath(folder_->filePath("models")));
        QVERIFY(test::makeRandomModel(folder_->filePath("models/second")));
        test::ServedModel node(folder_->filePath("first"), {"--models", folder_->filePath("models")});
        openPage();
        const QString id = hub().add(entryOf("ours", QStringLiteral("http://127.0.0.1:%1").arg(node.port())), {});
        page().list().setCurrent(id);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        NodeModels& panel = page().view().models();
        QVERIFY(panel.isHidden());
        QVERIFY(bench_->actions.run("nodes.models"));
        const auto* table = panel.findChild<QTableView*>();
        QTRY_COMPARE_WITH_TIMEOUT(table->model()->rowCount(), 2, kPatience);
        QCOMPARE(panel.chosen(), QString("first"));
        QVERIFY(!button("Load")->isEnabled()); // it is loaded
        QTest::keyClick(panel.findChild<QTableView*>(), Qt::Key_Down);
        QCOMPARE(panel.chosen(), QString("second"));
        QTest::keyClick(panel.findChild<QTableView*>(), Qt::Key_Return);
        const auto served = [this, id] {
            const NodeLink& link = hub().link(id);
            return link.info() ? QString::fromStdString(link.info()->model.id) : QString();
        };
        QTRY_COMPARE_WITH_TIMEOUT(served(), QString("second"), kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(button("Unload")->isEnabled(), kPatience);
        button("Unload")->click();
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Failed, kPatience);
        QVERIFY2(hub().link(id).message().contains("unloaded"), qPrintable(hub().link(id).message()));
        QVERIFY(page().view().whyNoModels().isEmpty());
        QTRY_VERIFY_WITH_TIMEOUT(button("Load")->isEnabled(), kPatience);
        button("Load")->click();
        QTRY_COMPARE_WITH_TIMEOUT(served(), QString("second"), kPatience);
        QTest::keyClick(panel.findChild<QTableView*>(), Qt::Key_Escape);
        QVERIFY(panel.isHidden());
    }

    // Looked at, accepted once, pinned; another one is refused with both fingerprints and nothing is sent.
    void aSelfMadeCertificateIsLookedAtAndTrusted() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        QVERIFY(test::makeRandomModel(folder_->filePath("model")));
        test::ServedModel first(folder_->filePath("model"), {"--tls", "--data", folder_->filePath("one")});
        openPage();
        const QString id = hub().add(entryOf("ours", QStringLiteral("https://127.0.0.1:%1").arg(first.port())), {});
        page().list().setCurrent(id);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Failed, kPatience);
        auto* notice = page().findChild<CertificateNotice*>();
        QVERIFY(!notice->isHidden());
        const QString shown = QString::fromStdString(hub().remote(id)->offered()->fingerprint);
        QCOMPARE(shown.size(), 64);
        QVERIFY2(notice->accessibleDescription().contains(spelledFingerprint(shown)),
                 qPrintable(notice->accessibleDescription()));
        auto* trust = notice->findChild<QPushButton*>();
        QCOMPARE(trust->text(), QString("Trust this certificate"));
        trust->click();
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        QVERIFY(notice->isHidden());
        QCOMPARE(hub().book().find(id)->fingerprint, shown);

        // Another machine answers under the address, as far as the window can tell.
        test::ServedModel second(folder_->filePath("model"), {"--tls", "--data", folder_->filePath("two")});
        NodeEntry moved = *hub().book().find(id);
        moved.address = QStringLiteral("https://127.0.0.1:%1").arg(second.port());
        hub().change(moved);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Failed, kPatience);
        const QString other = QString::fromStdString(hub().remote(id)->offered()->fingerprint);
        QVERIFY(other != shown);
        const QString words = notice->accessibleDescription();
        QVERIFY2(words.contains(spelledFingerprint(shown)) && words.contains(spelledFingerprint(other)),
                 qPrintable(words));
        QVERIFY2(hub().link(id).message().contains(shown) && hub().link(id).message().contains(other),
                 qPrintable(hub().link(id).message()));
        const auto& notices = bench_->notices.all();
        QVERIFY(std::any_of(notices.begin(), notices.end(), [&](const Notice& each) {
            return each.severity == Severity::Error && each.text.contains(other);
        }));
        QCOMPARE(hub().book().find(id)->fingerprint, shown); // nothing is accepted by itself
    }

    void allNodesAreSeenWithoutScrolling() {
        openPage();
        for (const char* name : {"a server with a long name", "another one with a longer name", "third"}) {
            hub().add(entryOf(name, "http://127.0.0.1:9"), {});
        }
        const auto* table = page().view().findChild<AbilityTable*>();
        for (const int width : {1024, 1600}) {
            page().resize(width, 700);
            QTRY_COMPARE(page().width(), width);
            QTest::qWait(20);
            QCOMPARE(table->model()->columnCount(), 6); // what, four nodes, why not
            const QHeaderView* header = table->horizontalHeader();
            QString sizes;
            for (int column = 0; column < 6; ++column) {
                sizes += QStringLiteral(" %1").arg(header->sectionSize(column));
            }
            QVERIFY2(header->length() <= table->viewport()->width(),
                     qPrintable(sizes + QStringLiteral(" in %1").arg(table->viewport()->width())));
            for (int column = 0; column < 6; ++column) {
                QVERIFY(header->sectionSize(column) >= 26);
            }
        }
    }

    // From a job that the node runs, to its curve here and the way to the Train page.
    void aRunningJobShowsItsCurve() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        const QString model = folder_->filePath("model");
        QVERIFY(test::makeRandomModel(model));
        QJsonArray tokens;
        for (int i = 0; i < 600; ++i) {
            tokens.append((i * 7) % 400);
        }
        QFile data(folder_->filePath("data.json"));
        QVERIFY(data.open(QIODevice::WriteOnly));
        data.write(QJsonDocument(tokens).toJson());
        data.close();
        test::ServedModel node(model, {"--data", folder_->filePath("kept")});
        openPage();
        const QString id = hub().add(entryOf("ours", QStringLiteral("http://127.0.0.1:%1").arg(node.port())), {});
        page().list().setCurrent(id);
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        const QJsonObject config{{"fresh", QJsonObject{{"config", model + ".json"}}},
                                 {"data", QJsonArray{data.fileName()}},
                                 {"steps", 100000},
                                 {"sequence", 64},
                                 {"batch", 2}};
        const QByteArray spec =
            QJsonDocument(QJsonObject{{"method", "pretrain"}, {"config", config}}).toJson(QJsonDocument::Compact);
        const auto jobs = client::connectToJobs(hub().link(id).client()->endpoint(), {}, {});
        jobs->start("train", "tiny", spec.toStdString(), [](const auto&) {});
        const JobCurveFeed& curves = page().view().watch().curves();
        QTRY_VERIFY_WITH_TIMEOUT(!curves.curves().empty() && curves.curves().front().points.size() >= 3, kPatience);
        QCOMPARE(curves.curves().front().name, QString("tiny"));
        QCOMPARE(curves.curves().front().series, QString("train.loss"));
        const auto* charts = page().view().findChild<JobCurves*>();
        QVERIFY(charts->isVisibleTo(&page())); // and the list of jobs with it
        auto* open = charts->findChild<QPushButton*>();
        QTRY_VERIFY(open->isEnabled());
        QVERIFY2(open->toolTip().contains("Copies"), qPrintable(open->toolTip()));
        QVERIFY(charts->findChildren<QLabel*>().last()->text().contains("train.loss") ||
                charts->findChildren<QLabel*>().first()->text().contains("train.loss"));
        open->click();
        const auto wish = bench_->handoff.takeRun();
        QVERIFY(wish && wish->run == 0 && wish->node == id);
        QCOMPARE(wish->uuid, curves.curves().front().uuid);
    }

    // A node that shows its jobs to nobody and stops saying how its collections fare: neither is hidden.
    void whatANodeDoesNotSayAnyMoreIsNotShown() {
        std::atomic<bool> refuses = false;
        ScriptedServer server(
            [&refuses](const std::string& request) { return test::collectionNodeScript(request, refuses); });
        openPage();
        const QString id = hub().add(entryOf("ours", QStringLiteral("http://127.0.0.1:%1").arg(server.port())), {});
        page().list().setCurrent(id);
        QTRY_VERIFY2_WITH_TIMEOUT(hub().link(id).state() == LinkState::Ready, qPrintable(hub().link(id).message()),
                                  kPatience);
        const NodeWatch& watch = page().view().watch();
        QTRY_COMPARE_WITH_TIMEOUT(watch.collectionWork().size(), std::size_t(1), kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(!watch.jobsProblem().isEmpty(), kPatience);
        const QTableView* jobs = nullptr;
        for (const QTableView* each : page().view().findChildren<QTableView*>()) {
            jobs = each->accessibleName() == QStringLiteral("Jobs of this node") ? each : jobs;
        }
        QVERIFY(jobs && jobs->isVisibleTo(&page()));
        QTRY_COMPARE(jobs->model()->rowCount(), 2);
        QCOMPARE(jobs->model()->index(0, 0).data().toString(), QString("evaluation of notes"));
        QCOMPARE(jobs->model()->index(1, 1).data().toString(), watch.jobsProblem());
        refuses = true;
        QTRY_VERIFY_WITH_TIMEOUT(watch.collectionWork().empty(), kPatience);
        QTRY_VERIFY(!jobs->isVisibleTo(&page())); // the card says why there are no jobs instead
    }

    void workInCollectionsStandsAmongTheJobs() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        const QString model = folder_->filePath("model");
        QVERIFY(test::makeRandomModel(model));
        const QString texts = folder_->filePath("texts");
        QVERIFY(QDir().mkpath(texts));
        for (int i = 0; i < 400; ++i) {
            QFile file(texts + QStringLiteral("/%1.txt").arg(i));
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(QByteArray("the quick brown fox jumps over the lazy dog ").repeated(60) +
                       QByteArray::number(i));
        }
        test::ServedModel node(model, {"--data", folder_->filePath("kept")});
        openPage();
        const QString id = hub().add(entryOf("ours", QStringLiteral("http://127.0.0.1:%1").arg(node.port())), {});
        QTRY_COMPARE_WITH_TIMEOUT(hub().link(id).state(), LinkState::Ready, kPatience);
        const auto retrieval = client::connectToRetrieval(hub().link(id).client()->endpoint(), {}, {});
        std::promise<std::string> made;
        client::NewCollection wanted;
        wanted.name = "notes";
        retrieval->create(wanted, [&made](const auto& collection) {
            made.set_value(collection.ok() ? collection.value().id : std::string());
        });
        const std::string collection = made.get_future().get();
        QVERIFY(!collection.empty());
        retrieval->ingest(collection, {texts.toStdString()}, [](const auto&) {});
        page().list().setCurrent(id);
        const QTableView* jobs = nullptr;
        for (const QTableView* each : page().view().findChildren<QTableView*>()) {
            jobs = each->accessibleName() == QStringLiteral("Jobs of this node") ? each : jobs;
        }
        QVERIFY(jobs);
        const auto first = [jobs](int column) { return jobs->model()->index(0, column).data().toString(); };
        QTRY_COMPARE_WITH_TIMEOUT(first(0), QString("documents into notes"), kPatience);
        QVERIFY2(first(1).startsWith("running, ") && first(1).contains(" of "), qPrintable(first(1)));
        QVERIFY(jobs->isVisibleTo(&page()));

        // Asked again and again: where one is in the table stays.
        jobs->selectionModel()->setCurrentIndex(jobs->model()->index(0, 1), QItemSelectionModel::SelectCurrent);
        const QString before = first(1);
        QTRY_VERIFY_WITH_TIMEOUT(first(1) != before || jobs->model()->rowCount() == 0, kPatience);
        if (jobs->model()->rowCount() > 0) {
            QCOMPARE(jobs->currentIndex().row(), 0);
            QCOMPARE(jobs->currentIndex().column(), 1);
        }
    }
};

QTEST_MAIN(TestNodesPage)
#include "test_nodes_page.moc"
