// SPDX-License-Identifier: GPL-3.0-or-later
// The Inspect page: what happened inside the model for one answer. Opens captures, takes them from the engine, and
// places the views around one selection. Without a capture it shows what follows from a model's shape alone.
#pragma once

#include "core/client/engine_client.h"
#include "core/client/inspection_client.h"
#include "ui/base/courier.h"
#include "ui/inspect/inspect_views.h"
#include "ui/inspect/selection.h"
#include "ui/shell/handoff.h"
#include "ui/shell/page.h"

#include <memory>

class QMenu;
class QSplitter;
class QStackedWidget;

namespace fulgurite {

class CaptureBar;
class CaptureRun;
class InspectHeader;

class InspectPage : public Page {
    Q_OBJECT

  public:
    explicit InspectPage(const ShellContext& context);
    ~InspectPage() override;

    QWidget* headerWidget() override;
    void activated() override;
    QJsonObject saveSession() const override;
    void restoreSession(const QJsonObject& session) override;
    QList<PictureScene> pictureScenes() override;

    Selection& selection() { return selection_; }
    InspectionSource* source() const { return source_.get(); }
    InspectView* view(const QString& id) const; // null: no such view

    void openFile(const QString& file) override; // a capture, or a config.json
    void openCapture(const QString& file); // errors are told in the notice bar; the open one stays
    void openConfig(const QString& file);  // a config.json: the decay horizon alone
    void showShape(const ModelConfig& config, const QString& name);
    void closeCapture();
    // Captures an answer of the Prompt page and opens the capture at its token. Small ones at once; others after
    // the person has seen what they cost.
    void inspectAnswer(const InspectWish& wish);

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
    void registerPaletteSources();
    void fillCaptureMenu();
    void showCaptureName();

    // The engine.
    void buildCapture();
    QString captureObstacle() const;
    client::CaptureRequest captureRequest() const;
    void planCapture();
    void takePlan(const client::CaptureCost& cost);
    void startCapture();
    void takeCapture(const client::CaptureEntry& entry);
    void captureWanted();
    void updateOffer(); // what a capture would cost now, for the empty views
    void fillEngineCaptures(QMenu* menu);
    void showEngineCaptures(QMenu& menu, const std::shared_ptr<client::EngineClient>& client,
                            const client::Outcome<client::CaptureList>& list);
    void ablate(Intervention intervention, bool from_answer);
    void branchUnder(const InterventionRecipe& recipe); // on the Prompt page
    void showTab(const QString& id);
    Intervention tickedHeads() const;
    Intervention selectedPart() const;
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
    QStringList tab_ids_; // of the views, the board first
    QSplitter* rows_ = nullptr;
    QSplitter* columns_ = nullptr;
    std::vector<InspectView*> views_;
    QStringList recent_;  // capture files, the last first
    quint64 opening_ = 0; // the latest file asked for
    quint64 texts_asked_ = 0;
    std::shared_ptr<Courier> courier_;
    CaptureBar* bar_ = nullptr;
    CaptureRun* capture_run_ = nullptr;
    std::optional<InspectWish> wish_; // the answer that was last asked about
    QString offer_;
    bool asked_by_person_ = false; // since the last plan
    qint64 captured_turn_ = 0;     // the answer that the open capture was taken of; 0: not known
};

} // namespace fulgurite
