// SPDX-License-Identifier: GPL-3.0-or-later
// The Train page: runs at the left, their charts at the right, and under them what the policy wrote at a step.
// Reads a runs file while others write it; imports logs into one.
#pragma once

#include "ui/shell/page.h"
#include "ui/train/alerts.h"

#include <QSet>
#include <QStringList>

#include <functional>
#include <memory>
#include <optional>

class QLabel;
class QMenu;
class QPushButton;
class QSplitter;
class QStackedWidget;

namespace fulgurite {

class ChartGrid;
class DifferencePanel;
class FilterField;
class ImportProcess;
class RemoteRuns;
class RolloutPanel;
class RunBoard;
class RunEdits;
class RunFeed;
class RunListView;
class TrainHeader;
class TrainJobs;
struct PlacedJob;

class TrainPage : public Page {
    Q_OBJECT

  public:
    explicit TrainPage(const ShellContext& context);
    ~TrainPage() override;

    QWidget* headerWidget() override;
    void activated() override;
    QJsonObject saveSession() const override;
    void restoreSession(const QJsonObject& session) override;
    QList<PictureScene> pictureScenes() override;

    RunFeed& feed() { return *feed_; }
    RunBoard& board() { return *board_; }
    ChartGrid& grid() { return *grid_; }
    RunListView& list() { return *list_; }
    FilterField& filter() { return *filter_; }
    RolloutPanel& rollouts() { return *rollouts_; }
    DifferencePanel& differences() { return *differences_; }
    ImportProcess& importer() { return *import_; }

    void openFile(const QString& file) override; // a file of runs
    // Into the open file, or into the person's own one; what grows is followed.
    void importPaths(const QStringList& paths);
    void openRollouts(qint64 run, qint64 step);
    void newRun();
    TrainJobs& jobs() { return *jobs_; }
    RemoteRuns& remote() { return *remote_; }
    RunEdits& edits() { return *edits_; }
    void removeRuns(const std::vector<qint64>& runs);
    void compareRuns(const std::vector<qint64>& runs);
    void setAlerts(const std::vector<AlertRule>& rules);
    const std::vector<AlertRule>& alerts() const { return alerts_; }

  protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

  private:
    void build();
    void connectImport();
    QWidget* buildRuns();
    QWidget* buildEmpty();
    void registerActions();
    void registerRunActions();
    void addAction(const char* id, const QString& title, const char* icon, const char* keys,
                   const QString& keywords, std::function<void()> run);
    void updateActions();
    void fillFileMenu();
    void fillGroupMenu();
    void followRuns();
    void showRun(qint64 run); // of the own file
    void showCopy(const QString& node, const QString& uuid);
    void findCopy();
    void followEngine();
    void showGroupField();

    QString ownFile() const; // where imports go when no file is open
    QString sampleFile() const;
    void openSample();
    void chooseFile();
    void chooseImport(bool folder);
    void addChart();
    void renameRun(qint64 run);
    void editTags(const std::vector<qint64>& runs);
    void editNotes(qint64 run);
    void chooseGroupField();
    const PlacedJob* chosenJob() const; // of the current run; null: none
    void pauseOrResume();
    void stopRun();
    void updateRunActions();
    void followJobs();
    void fillRunMenu(QMenu& menu);
    void editAlerts();
    void checkAlerts(const QSet<qint64>& runs);
    void tellFailure(const QString& message);

    RunFeed* feed_;
    RunBoard* board_;
    ImportProcess* import_;
    TrainJobs* jobs_;
    RemoteRuns* remote_;
    RunEdits* edits_;
    TrainHeader* header_ = nullptr;
    QMenu* file_menu_ = nullptr;
    QMenu* group_menu_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    QSplitter* columns_ = nullptr;
    QSplitter* left_ = nullptr;
    QSplitter* right_ = nullptr;
    FilterField* filter_ = nullptr;
    QLabel* count_ = nullptr;
    QLabel* headline_ = nullptr;
    QPushButton* group_ = nullptr;
    QLabel* empty_text_ = nullptr;
    RunListView* list_ = nullptr;
    DifferencePanel* differences_ = nullptr;
    ChartGrid* grid_ = nullptr;
    RolloutPanel* rollouts_ = nullptr;
    QStringList recent_;
    struct AwaitedCopy {
        QString node;
        QString uuid;
    } awaited_copy_; // a run to show when its copy has come, unless the person looks at something else until then
    std::vector<AlertRule> alerts_;
    QSet<QString> told_alerts_; // "run rule", so that each is told once
};

} // namespace fulgurite
