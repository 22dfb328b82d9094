// SPDX-License-Identifier: GPL-3.0-or-later
// The Inspect page: what happened inside the model for one answer. Opens captures, takes them from the engine, and
// places the views around one selection. Without a capture it shows what follows from a model's shape alone.
#pragma once

#include "ui/inspect/inspect_views.h"
#include "ui/inspect/selection.h"
#include "ui/shell/page.h"

#include <memory>

class QMenu;
class QSplitter;
class QStackedWidget;

namespace fulgurite {

class InspectHeader;

class InspectPage : public Page {
    Q_OBJECT

  public:
    explicit InspectPage(const ShellContext& context);
    ~InspectPage() override;

    QWidget* headerWidget() override;
    QJsonObject saveSession() const override;
    void restoreSession(const QJsonObject& session) override;
    QList<PictureScene> pictureScenes() override;

    Selection& selection() { return selection_; }
    InspectionSource* source() const { return source_.get(); }
    InspectView* view(const QString& id) const; // null: no such view

    void openCapture(const QString& file); // errors are told in the notice bar; the open one stays
    void openConfig(const QString& file);  // a config.json: the decay horizon alone
    void closeCapture();

  signals:
    void sourceChanged(); // another capture is open, or none

  protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

  private:
    void build();
    void resetPanes();
    void registerActions();
    void updateActions();
    void fillCaptureMenu();
    void showCaptureName();
    void captureWanted();
    void updateOffer(); // what a capture would cost now, for the empty views
    void setSource(std::unique_ptr<InspectionSource> source);
    void setDecay(const capture::DecayMap& decay);
    void followEngine();
    void followSelection();
    void chooseCapture();
    void chooseConfig();
    void saveCapture();
    void remember(const QString& file);
    void reportFailure(const QString& message);
    InspectState startState() const;

    Selection selection_;
    std::unique_ptr<InspectionSource> source_;
    capture::DecayMap decay_;
    bool config_opened_ = false; // stays when the engine's model changes
    InspectHeader* header_ = nullptr;
    QMenu* capture_menu_ = nullptr;
    QStackedWidget* tabs_ = nullptr;
    QSplitter* rows_ = nullptr;
    QSplitter* columns_ = nullptr;
    std::vector<InspectView*> views_;
    QStringList recent_;  // capture files, the last first
    quint64 opening_ = 0; // the latest file asked for
    quint64 texts_asked_ = 0;
};

} // namespace fulgurite
